"""What the folder of a study holds, by name.

study.json            the settings
gains.json            what the model's heads can pass on
parts/00003/          tables and sums of some pictures; there whole or not at all
tables/               the tables of all parts in one file each, once the study is complete
totals.npz.xz         the sums of all parts, and totals.count: of how many pictures
verdicts.json         what was found on all of them
atlas.bin.gz          the head atlas of all queries, as a browser reads it
extremes/             recordings of the pictures that are farthest out
"""

SETTINGS, GAINS = "study.json", "gains.json"
PARTS, SUMS = "parts", "sums.npz.zst"
TABLES_FOLDER = "tables"
TOTALS, COVERED = "totals.npz.xz", "totals.count"
VERDICTS, ATLAS, EXTREMES = "verdicts.json", "atlas.bin.gz", "extremes"
