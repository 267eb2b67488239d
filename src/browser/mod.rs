//! What only a browser can do. Each module has an absent twin for the server, with the same functions.

pub mod connection;
pub mod film;
pub mod url_state;
pub mod webm;
pub mod zone_cookie;

#[cfg_attr(feature = "hydrate", path = "clock.rs")]
#[cfg_attr(not(feature = "hydrate"), path = "clock_absent.rs")]
pub mod clock;

#[cfg_attr(feature = "hydrate", path = "page.rs")]
#[cfg_attr(not(feature = "hydrate"), path = "page_absent.rs")]
pub mod page;

#[cfg_attr(not(feature = "hydrate"), path = "recorder_absent.rs")]
pub mod recorder;

#[cfg_attr(feature = "hydrate", path = "save.rs")]
#[cfg_attr(not(feature = "hydrate"), path = "save_absent.rs")]
pub mod save;

#[cfg_attr(feature = "hydrate", path = "pointer.rs")]
#[cfg_attr(not(feature = "hydrate"), path = "pointer_absent.rs")]
pub mod pointer;

#[cfg_attr(feature = "hydrate", path = "storage.rs")]
#[cfg_attr(not(feature = "hydrate"), path = "storage_absent.rs")]
pub mod storage;

#[cfg_attr(feature = "hydrate", path = "stream.rs")]
#[cfg_attr(not(feature = "hydrate"), path = "stream_absent.rs")]
pub mod stream;

#[cfg_attr(feature = "hydrate", path = "theme.rs")]
#[cfg_attr(not(feature = "hydrate"), path = "theme_absent.rs")]
pub mod theme;

#[cfg_attr(not(feature = "hydrate"), path = "map_renderer_absent.rs")]
pub mod map_renderer;
