//! The camera: which part of the world a map of a given size shows, and how moving changes that.

use serde::{Deserialize, Serialize};

use super::projection::{MILLER, Projection, flat_height, flat_latitude, from_globe, on_globe, wrapped};

/// Largest zoom: beyond it the base map has no more detail to show.
pub const LARGEST_ZOOM: f64 = 6.0;
/// At this zoom the flat map has become Mercator's.
const MERCATOR_ZOOM: f64 = 2.5;
/// The flat map is moved no farther north and south than shows these latitudes.
const NORTH_END: f64 = 85.0;
const SOUTH_END: f64 = -80.0;

/// What a map shows. The page keeps it in the URL.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapView {
    /// Degrees east in the middle, −180 to 180.
    pub longitude: f64,
    /// Degrees north in the middle, −85 to 85.
    pub latitude: f64,
    /// Doublings of the size at which the world fits, 0 to [`LARGEST_ZOOM`].
    pub zoom: f64,
    /// Flat map or globe.
    pub projection: Projection,
}

impl Default for MapView {
    /// The whole world, flat, parted in the Bering Strait.
    fn default() -> Self {
        Self { longitude: 11.0, latitude: 24.0, zoom: 0.0, projection: Projection::Flat }
    }
}

impl MapView {
    /// The same view with numbers that a map can show, whatever a URL said.
    #[must_use]
    pub fn sane(self) -> Self {
        let or_zero = |number: f64| if number.is_finite() { number } else { 0.0 };
        Self {
            longitude: wrapped(or_zero(self.longitude)),
            latitude: or_zero(self.latitude).clamp(-85.0, 85.0),
            zoom: or_zero(self.zoom).clamp(0.0, LARGEST_ZOOM),
            projection: self.projection,
        }
    }
}

/// A view on a map of a given size. Screen points are in CSS pixels from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// What is shown.
    pub view: MapView,
    /// Width of the map in CSS pixels.
    pub width: f64,
    /// Height of the map in CSS pixels.
    pub height: f64,
}

impl Camera {
    /// A camera that shows as much of the view as a map of this size can.
    pub fn new(view: MapView, width: f64, height: f64) -> Self {
        Self { view: view.sane(), width: width.max(1.0), height: height.max(1.0) }.clamped()
    }

    /// CSS pixels of a degree of longitude on the flat map.
    pub fn scale(&self) -> f64 {
        self.width.max(1.3 * self.height) / 360.0 * self.view.zoom.exp2()
    }

    /// Radius of the globe in CSS pixels.
    pub fn radius(&self) -> f64 {
        0.44 * self.width.min(self.height) * self.view.zoom.exp2()
    }

    /// How far the flat map is from Miller's (0.8) to Mercator's (1).
    pub fn stretch(&self) -> f64 {
        let share = (self.view.zoom / MERCATOR_ZOOM).clamp(0.0, 1.0);
        MILLER + (1.0 - MILLER) * share * share * (3.0 - 2.0 * share)
    }

    /// Height of the middle on the flat map, in degrees of longitude.
    pub fn middle(&self) -> f64 {
        flat_height(self.view.latitude, self.stretch())
    }

    /// Latitudes at the lower and the upper edge of the flat map.
    pub fn flat_latitudes(&self) -> [f64; 2] {
        let half = self.height / 2.0 / self.scale();
        [-half, half].map(|up| flat_latitude(self.middle() + up, self.stretch()))
    }

    /// CSS pixels of a degree at the middle, in this projection.
    pub fn pixels_per_degree(&self) -> f64 {
        match self.view.projection {
            Projection::Flat => self.scale(),
            Projection::Globe => self.radius().to_radians(),
        }
    }

    /// Where a place is on the screen, if it is on the near side; on the flat map, the copy nearest to the middle.
    ///
    /// The last number is 1 in the middle of the globe and 0 at its edge; on the flat map it is 1.
    pub fn project(&self, longitude: f64, latitude: f64) -> Option<(f64, f64, f64)> {
        let (right, up, near) = match self.view.projection {
            Projection::Flat => (
                wrapped(longitude - self.view.longitude) * self.scale(),
                (flat_height(latitude, self.stretch()) - self.middle()) * self.scale(),
                1.0,
            ),
            Projection::Globe => {
                let [right, up, near] =
                    on_globe(longitude, latitude, (self.view.longitude, self.view.latitude));
                (right * self.radius(), up * self.radius(), near)
            }
        };
        (near > 0.0).then_some((self.width / 2.0 + right, self.height / 2.0 - up, near))
    }

    /// The place at a point of the screen; `None` beside the globe or beyond the poles.
    pub fn unproject(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (right, up) = (x - self.width / 2.0, self.height / 2.0 - y);
        match self.view.projection {
            Projection::Flat => {
                let latitude = flat_latitude(self.middle() + up / self.scale(), self.stretch());
                (latitude.abs() < 89.0)
                    .then(|| (wrapped(self.view.longitude + right / self.scale()), latitude))
            }
            Projection::Globe => from_globe(
                right / self.radius(),
                up / self.radius(),
                (self.view.longitude, self.view.latitude),
            ),
        }
    }

    /// Moves what is under the pointer by so many CSS pixels.
    #[must_use]
    pub fn panned(mut self, right: f64, down: f64) -> Self {
        match self.view.projection {
            Projection::Flat => {
                self.view.longitude = wrapped(self.view.longitude - right / self.scale());
                self.view.latitude = flat_latitude(self.middle() + down / self.scale(), self.stretch());
            }
            Projection::Globe => {
                let narrow = self.view.latitude.to_radians().cos().max(0.3);
                let degrees = 1.0 / self.pixels_per_degree();
                self.view.longitude = wrapped(self.view.longitude - right * degrees / narrow);
                self.view.latitude += down * degrees;
            }
        }
        self.clamped()
    }

    /// Zooms by so many doublings; what is at the point stays there as far as the ends of the map allow.
    #[must_use]
    pub fn zoomed_around(self, doublings: f64, x: f64, y: f64) -> Self {
        let mut next = self;
        next.view.zoom = (self.view.zoom + doublings).clamp(0.0, LARGEST_ZOOM);
        let Some((longitude, latitude)) = self.unproject(x, y) else { return next.clamped() };
        match self.view.projection {
            Projection::Flat => {
                let (right, up) = (x - self.width / 2.0, self.height / 2.0 - y);
                next.view.longitude = wrapped(longitude - right / next.scale());
                let height = flat_height(latitude, next.stretch()) - up / next.scale();
                next.view.latitude = flat_latitude(height, next.stretch());
            }
            Projection::Globe => {
                for _ in 0..3 {
                    if let Some((east, north)) = next.unproject(x, y) {
                        next.view.longitude = wrapped(next.view.longitude + wrapped(longitude - east));
                        next.view.latitude = (next.view.latitude + latitude - north).clamp(-85.0, 85.0);
                    }
                }
            }
        }
        next.clamped()
    }

    /// Keeps the middle where the map does not end within the screen, or halfway when it is too small for that.
    fn clamped(mut self) -> Self {
        if self.view.projection == Projection::Globe {
            self.view.latitude = self.view.latitude.clamp(-85.0, 85.0);
            return self;
        }
        let (scale, stretch) = (self.scale(), self.stretch());
        let half = self.height / 2.0 / scale;
        let lowest = flat_height(SOUTH_END, stretch) + half;
        let highest = flat_height(NORTH_END, stretch) - half;
        let middle = if lowest > highest {
            f64::midpoint(lowest, highest)
        } else {
            self.middle().clamp(lowest, highest)
        };
        self.view.latitude = flat_latitude(middle, stretch);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(projection: Projection, zoom: f64) -> Camera {
        Camera::new(MapView { longitude: 170.0, latitude: 30.0, zoom, projection }, 1440.0, 900.0)
    }

    #[test]
    fn a_place_is_found_again_at_its_point_on_the_screen() {
        for projection in [Projection::Flat, Projection::Globe] {
            for zoom in [0.0, 1.3, 4.0] {
                let camera = camera(projection, zoom);
                let (x, y, _) = camera.project(-175.0, 25.0).unwrap();
                let (longitude, latitude) = camera.unproject(x, y).unwrap();
                assert!((longitude + 175.0).abs() < 1e-6 && (latitude - 25.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        for projection in [Projection::Flat, Projection::Globe] {
            let before = camera(projection, 2.0);
            let place = before.unproject(800.0, 500.0).unwrap();
            let after = before.zoomed_around(0.7, 800.0, 500.0);
            let (x, y, _) = after.project(place.0, place.1).unwrap();
            assert!((x - 800.0).abs() < 1.0 && (y - 500.0).abs() < 1.0, "{x} {y}");
        }
    }

    #[test]
    fn a_flat_map_goes_on_over_the_antimeridian() {
        let camera = camera(Projection::Flat, 1.0).panned(-600.0, 0.0);
        assert!(camera.view.longitude < 0.0);
        let (x, ..) = camera.project(179.0, 0.0).unwrap();
        assert!((0.0..1440.0).contains(&x));
    }

    #[test]
    fn no_drag_shows_more_than_the_ends_of_the_world() {
        let camera = camera(Projection::Flat, 2.0).panned(0.0, 100_000.0);
        assert!(camera.unproject(0.0, 0.0).unwrap().1 < 85.1);
        let camera = camera.panned(0.0, -200_000.0);
        assert!(camera.unproject(0.0, 900.0).unwrap().1 > -80.1);
    }

    #[test]
    fn a_view_from_a_broken_url_becomes_one_that_can_be_shown() {
        let view = MapView {
            longitude: f64::NAN,
            latitude: 1e9,
            zoom: f64::INFINITY,
            projection: Projection::Globe,
        };
        assert_eq!(
            view.sane(),
            MapView { longitude: 0.0, latitude: 85.0, zoom: 0.0, projection: Projection::Globe }
        );
    }
}
