//! Meridian: a self-hosted, live atlas of network traffic.
#![recursion_limit = "512"]

pub mod api;
pub mod app;
pub mod browser;
pub mod components;
pub mod model;
pub mod pages;

#[cfg(feature = "hydrate")]
pub mod hydrate;
#[cfg(feature = "ssr")]
pub mod server;
