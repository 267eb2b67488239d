//! What only a browser can do. Each module has an absent twin for the server, with the same functions.

#[cfg_attr(not(feature = "hydrate"), path = "map_renderer_absent.rs")]
pub mod map_renderer;
