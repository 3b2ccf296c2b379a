-- How alike two looks are, -1 to 1; refuses looks of different embedding spaces instead of giving a number without meaning.
CREATE OR REPLACE MACRO look_cosine(space_id, vector, other_space_id, other_vector) AS
CASE
    WHEN space_id IS DISTINCT FROM other_space_id THEN error(concat(
        'looks of embedding space ', space_id, ' are not compared with those of ', other_space_id,
        ': compare within one space, or cross a bridge that was measured (herdbook learn bridge, table bridge_space)'
    ))
    ELSE list_cosine_similarity(CAST(vector AS DOUBLE[]), CAST(other_vector AS DOUBLE[]))
END;
