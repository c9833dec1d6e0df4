//! The worker: runs tasks on task threads, keeps their results and serves them to peers.
