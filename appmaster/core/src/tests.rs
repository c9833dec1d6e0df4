//! The core's tests: scripts of events and actions, random schedules in a simulated world, and the speed of it all.

mod accidents;
mod deaths;
mod manager;
mod random;
mod rng;
mod script;
mod scripts;
mod show;
mod speed;
mod takeover;
mod watch;
mod world;
