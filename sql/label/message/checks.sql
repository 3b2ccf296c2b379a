-- check: message_versions_in_turn severity: fail
-- One message has two versions received at the same instant.
SELECT message_id, received_at
FROM label.message
GROUP BY ALL
HAVING count(*) > 1;
