//! What pages ask the server: server functions, one file a subject, under `/api/page`.
//!
//! A server function checks, asks the server's context and returns. These paths serve Meridian's own pages and
//! may change with them; the stable API is `/api/v1`.

pub mod error;
pub mod exporters;
pub mod first_render;
pub mod history;
pub mod home;
pub mod live;
pub mod reports;
pub mod status;
