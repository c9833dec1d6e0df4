//! Byte ranges of HDFS blocks and local files, as fast as the machine can read them.
