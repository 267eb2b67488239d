//! How a page reaches the running map itself, to film it.

use leptos::prelude::*;
use send_wrapper::SendWrapper;

use crate::browser::map_renderer::MapRenderer;

/// The running map of a [`WorldMap`](super::WorldMap), once there is one. Copies are the same handle.
// A local value would be dropped on another thread on the server, and panic there.
#[derive(Clone, Copy, Debug)]
pub struct MapHandle(pub(super) StoredValue<Option<SendWrapper<MapRenderer>>>);

impl MapHandle {
    /// A handle without a map, owned by the current reactive owner.
    pub fn new() -> Self {
        Self(StoredValue::new(None))
    }

    /// Does something with the map; `None` while there is none.
    pub fn with<T>(self, act: impl FnOnce(&MapRenderer) -> T) -> Option<T> {
        self.0.try_with_value(|renderer| renderer.as_deref().map(act)).flatten()
    }
}

impl Default for MapHandle {
    fn default() -> Self {
        Self::new()
    }
}
