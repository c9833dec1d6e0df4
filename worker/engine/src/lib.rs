//! DataFusion over blocks: tables, scan nodes, planning, the stage splitter and the plan codec.
