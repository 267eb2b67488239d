//! How the camera moves by itself: gliding after a drag, zooming smoothly, flying to a view.

use crate::components::world_map::camera::{Camera, LARGEST_ZOOM, MapView};
use crate::components::world_map::projection::wrapped;

/// Seconds of a flight.
const FLIGHT_S: f64 = 0.7;
/// Shares of the speed and of the way to the zoom that are lost and gone in a second, as exponents.
const FRICTION: f64 = 4.6;
const ZOOM_HASTE: f64 = 13.0;
/// Slower than this, in CSS pixels a second, is standing.
const STANDING: f64 = 8.0;

/// What moves the camera now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Motion {
    /// CSS pixels a second, right and down, of what is under the pointer.
    pub speed: (f64, f64),
    /// A flight from view to view.
    pub flight: Option<Flight>,
    goal: Option<ZoomGoal>,
}

#[derive(Clone, Copy, Debug)]
struct ZoomGoal {
    zoom: f64,
    around: (f64, f64),
}

/// A flight from one view to another.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    from: MapView,
    to: MapView,
    passed_s: f64,
}

impl Flight {
    /// A flight that has not begun.
    pub const fn new(from: MapView, to: MapView) -> Self {
        Self { from, to, passed_s: 0.0 }
    }

    fn view(&self) -> MapView {
        if self.passed_s >= FLIGHT_S {
            return self.to;
        }
        let share = (self.passed_s / FLIGHT_S).min(1.0);
        let share = share * share * (3.0 - 2.0 * share);
        let turn = wrapped(self.to.longitude - self.from.longitude);
        MapView {
            longitude: wrapped(self.from.longitude + share * turn),
            latitude: self.from.latitude + share * (self.to.latitude - self.from.latitude),
            zoom: self.from.zoom + share * (self.to.zoom - self.from.zoom),
            projection: self.to.projection,
        }
    }
}

impl Motion {
    /// True while the camera moves by itself.
    pub fn is_on(&self) -> bool {
        self.speed != (0.0, 0.0) || self.flight.is_some() || self.goal.is_some()
    }

    /// Sets or moves the zoom that the camera is heading for.
    pub fn zoom(&mut self, now: f64, doublings: f64, around: (f64, f64)) {
        let from = self.goal.map_or(now, |goal| goal.zoom);
        self.goal = Some(ZoomGoal { zoom: (from + doublings).clamp(0.0, LARGEST_ZOOM), around });
    }

    /// Where the camera is after so many seconds.
    pub fn advance(&mut self, mut camera: Camera, seconds: f64) -> Camera {
        if let Some(flight) = &mut self.flight {
            flight.passed_s += seconds;
            camera = Camera::new(flight.view(), camera.width, camera.height);
            if flight.passed_s >= FLIGHT_S {
                self.flight = None;
            }
        }
        if let Some(goal) = self.goal {
            let left = goal.zoom - camera.view.zoom;
            let is_there = left.abs() < 0.004;
            let step = if is_there { left } else { left * (1.0 - (-ZOOM_HASTE * seconds).exp()) };
            camera = camera.zoomed_around(step, goal.around.0, goal.around.1);
            if is_there {
                self.goal = None;
            }
        }
        if self.speed != (0.0, 0.0) {
            camera = camera.panned(self.speed.0 * seconds, self.speed.1 * seconds);
            let kept = (-FRICTION * seconds).exp();
            self.speed = (self.speed.0 * kept, self.speed.1 * kept);
            if self.speed.0.hypot(self.speed.1) < STANDING {
                self.speed = (0.0, 0.0);
            }
        }
        camera
    }
}
