//! Where a place is on the flat map and on the globe, forwards and backwards.
//!
//! The flat map is a cylindrical projection between Miller's and Mercator's: the latitude is scaled by `stretch`,
//! projected as Mercator does, and scaled back. At 0.8 that is Miller's, which shows the whole world without
//! blowing up the north; at 1 it is Mercator's, which keeps shapes when one looks closely. The globe is seen from
//! far away (orthographic). The vertex shader `projection.glsl` says the same.

use serde::{Deserialize, Serialize};

/// How the world is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// A flat map that goes on to the east and to the west without an end.
    #[default]
    Flat,
    /// A globe.
    Globe,
}

/// Stretch of Miller's projection, for the whole world.
pub const MILLER: f64 = 0.8;
/// Farthest latitude that is projected, so that Mercator's stays finite.
const LAST_LATITUDE: f64 = 89.5;

/// Height of a latitude above the equator on the flat map, in degrees of longitude.
pub fn flat_height(latitude: f64, stretch: f64) -> f64 {
    let angle = latitude.clamp(-LAST_LATITUDE, LAST_LATITUDE).to_radians() * stretch;
    ((std::f64::consts::FRAC_PI_4 + angle / 2.0).tan().ln() / stretch).to_degrees()
}

/// The latitude at a height, clamped to the poles.
pub fn flat_latitude(height: f64, stretch: f64) -> f64 {
    let angle = (height.to_radians() * stretch).exp().atan() * 2.0 - std::f64::consts::FRAC_PI_2;
    (angle / stretch).to_degrees().clamp(-LAST_LATITUDE, LAST_LATITUDE)
}

/// Where a place is on a globe of radius 1 whose middle shows `centre` (degrees east, degrees north).
///
/// Right, up, and towards the viewer; a place with a negative last number is on the far side.
pub fn on_globe(longitude: f64, latitude: f64, centre: (f64, f64)) -> [f64; 3] {
    let (sin_turn, cos_turn) = (longitude - centre.0).to_radians().sin_cos();
    let (sin_latitude, cos_latitude) = latitude.to_radians().sin_cos();
    let (sin_tilt, cos_tilt) = centre.1.to_radians().sin_cos();
    let towards = cos_latitude * cos_turn;
    [
        cos_latitude * sin_turn,
        cos_tilt * sin_latitude - sin_tilt * towards,
        sin_tilt * sin_latitude + cos_tilt * towards,
    ]
}

/// The place at a point of the globe's near side; `None` beside the globe.
pub fn from_globe(right: f64, up: f64, centre: (f64, f64)) -> Option<(f64, f64)> {
    let near = 1.0 - right * right - up * up;
    if near < 0.0 {
        return None;
    }
    let towards = near.sqrt();
    let (sin_tilt, cos_tilt) = centre.1.to_radians().sin_cos();
    let latitude = (up * cos_tilt + towards * sin_tilt).clamp(-1.0, 1.0).asin();
    let turn = right.atan2(towards * cos_tilt - up * sin_tilt);
    Some((wrapped(centre.0 + turn.to_degrees()), latitude.to_degrees()))
}

/// The same longitude between −180 and 180.
pub fn wrapped(longitude: f64) -> f64 {
    (longitude + 180.0).rem_euclid(360.0) - 180.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_from_the_map_is_the_way_there() {
        for stretch in [MILLER, 0.9, 1.0] {
            for latitude in [-80.0, -33.31, 0.0, 0.001, 51.5, 84.0] {
                let there = flat_height(latitude, stretch);
                assert!((flat_latitude(there, stretch) - latitude).abs() < 1e-9);
            }
        }
        for centre in [(0.0, 0.0), (170.0, 40.0), (-100.0, -60.0)] {
            for (longitude, latitude) in [(175.0, 20.0), (-175.0, -10.0), (-120.0, -35.0), (10.0, 50.0)] {
                let [right, up, near] = on_globe(longitude, latitude, centre);
                if near > 0.01 {
                    let (east, north) = from_globe(right, up, centre).unwrap();
                    assert!((wrapped(east - longitude)).abs() < 1e-6 && (north - latitude).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_point_beside_the_globe_is_no_place() {
        assert_eq!(from_globe(0.9, 0.9, (0.0, 0.0)), None);
    }

    #[test]
    fn millers_map_is_as_high_as_the_textbook_says() {
        assert!((flat_height(89.5, MILLER).to_radians() - 2.27).abs() < 0.02);
        assert!((flat_height(45.0, 1.0).to_radians() - 0.881_373_6).abs() < 1e-6);
    }
}
