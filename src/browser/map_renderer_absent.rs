//! The map on the server: there is none. Nothing here is ever called, for effects run in browsers only.

use std::convert::Infallible;

use crate::components::world_map::camera::MapView;
use crate::components::world_map::feed::Waiting;
use crate::components::world_map::paint::Paint;
use crate::components::world_map::{MapElements, MapEvent, MapFault};
use crate::model::place::{City, CountryCode, HomeNetwork};

/// A map that cannot be.
pub struct MapRenderer(Infallible);

impl MapRenderer {
    /// There is no map on a server.
    pub fn start(
        _elements: MapElements,
        _view: MapView,
        _tell: impl Fn(MapEvent) + 'static,
    ) -> Result<Self, MapFault> {
        Err(MapFault::NoWebGl2)
    }

    /// Cannot be called.
    pub fn set_places(&self, _homes: &[HomeNetwork], _cities: &[City]) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn set_paint(&self, _paint: &Paint) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn set_selected(&self, _selected: Option<CountryCode>) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn set_view(&self, _view: MapView) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn take(&self, _waiting: &Waiting) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn zoom_by(&self, _doublings: f64) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn reset(&self) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn toggle_projection(&self) {
        match self.0 {}
    }
}
