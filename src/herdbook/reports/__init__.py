"""Reports on one animal or one pen, each an HTML file that needs no other: `animal`, `pen`."""
