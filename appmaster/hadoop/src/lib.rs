//! Asynchronous clients of YARN and of the NameNode over hadoop-wire.
