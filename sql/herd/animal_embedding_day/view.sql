-- What an animal looked like on a day, per embedding space: the mean of its identified tracklets' embeddings weighted by
-- quality, scaled to length 1. Vectors of different spaces must never be compared.
CREATE OR REPLACE VIEW animal_embedding_day AS
WITH component AS (
    SELECT
        e.farm_id,
        i.animal_id,
        e.day,
        e.space_id,
        unnest(e.vector)::DOUBLE * e.scale * e.quality AS part,
        generate_subscripts(e.vector, 1) AS position
    FROM embedding AS e
    JOIN identity AS i USING (farm_id, device_id, day, load_id, tracklet_id)
    WHERE i.identified AND e.quality > 0
),
summed AS (
    SELECT farm_id, animal_id, day, space_id, position, sum(part) AS part, count(*) AS n
    FROM component
    GROUP BY farm_id, animal_id, day, space_id, position
),
gathered AS (
    SELECT
        farm_id,
        animal_id,
        day,
        space_id,
        list(part ORDER BY position) AS parts,
        sqrt(sum(part * part)) AS length,
        max(n) AS n
    FROM summed
    GROUP BY farm_id, animal_id, day, space_id
)
SELECT
    farm_id,
    animal_id,
    day,
    space_id,
    list_transform(parts, lambda part: (part / length)::FLOAT) AS vector,
    n
FROM gathered
WHERE length > 0;
