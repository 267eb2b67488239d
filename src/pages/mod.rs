//! One module a route. A page owns what it shows: it asks the server, and hands data to components.

pub mod explore;
pub mod exporters;
pub mod health;
pub mod heatmap;
pub mod live;
pub mod not_found;
pub mod settings;
pub mod suggestions;
