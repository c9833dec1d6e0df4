//! The application master: runs the core, talks to YARN, workers and drivers, serves the web pages.
