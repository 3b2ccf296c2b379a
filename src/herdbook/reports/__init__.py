"""Reports on one animal or one pen, each an HTML file that needs no other: `animal.animal_report`, `pen.pen_report`."""
