//! One module a route. A page owns what it shows: it asks the server, and hands data to components.

pub mod api_link;
pub mod explore;
pub mod exporters;
pub mod health;
pub mod heatmap;
pub mod host_names;
pub mod live;
pub mod moments;
pub mod not_found;
mod on_map;
pub mod replay;
pub mod reports;
pub mod settings;
pub mod suggestions;
pub mod wait;
