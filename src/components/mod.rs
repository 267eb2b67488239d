//! Reusable views. A component gets data and gives events, and never fetches.

pub mod world_map;
