//! Meridian: a self-hosted, live atlas of network traffic.
//!
//! An exporter's datagram is received and stamped (`server::collector::listener`), decoded (`server::wire`), made into flow
//! records (`server::collector::normalize`), located (`server::geolocation`), handed over in batches
//! (`server::transport`), counted and merged for each subscription (`server::live`), sent to every browser
//! ([`browser::stream`]), and drawn ([`components::world_map`]). How it all hangs together stands in `docs`.
#![recursion_limit = "512"]

pub mod api;
pub mod app;
pub mod browser;
pub mod components;
pub mod model;
pub mod pages;

#[cfg(feature = "ssr")]
pub mod docs;
#[cfg(feature = "hydrate")]
pub mod hydrate;
#[cfg(feature = "ssr")]
pub mod server;
