//! Colours of a map beyond its own: countries by shade, and dots that take their place as one zooms in.

use std::collections::HashMap;

use super::camera::MapView;
use crate::model::place::{CountryCode, Place};

/// How many shades there are: `--shade-0` to `--shade-14` of the theme.
pub const SHADES: usize = 15;
/// Between these zooms the colours of countries give way to the dots.
const DOTS_BEGIN: f64 = 1.0;
const DOTS_RULE: f64 = 2.6;
/// How much of a country's colour is left below the dots.
const LEAST_STRENGTH: f64 = 0.34;

/// A place that is drawn as a dot.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// Where it is.
    pub place: Place,
    /// Its shade, below [`SHADES`].
    pub shade: u8,
    /// Its area as a part of the largest dot's, 0 to 1.
    pub area: f64,
}

/// What is coloured. Countries that are not named are as the theme has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paint {
    /// The shade of each country, below [`SHADES`].
    pub countries: HashMap<CountryCode, u8>,
    /// The dots, the largest first.
    pub dots: Vec<Dot>,
}

impl Paint {
    /// How far the dots have come, 0 to 1; none before one zooms in.
    pub fn dots_shown(&self, view: &MapView) -> f64 {
        if self.dots.is_empty() {
            return 0.0;
        }
        ((view.zoom - DOTS_BEGIN) / (DOTS_RULE - DOTS_BEGIN)).clamp(0.0, 1.0)
    }

    /// How strong the colours of countries are, 0 to 1.
    pub fn strength(&self, view: &MapView) -> f64 {
        if self.countries.is_empty() { 0.0 } else { 1.0 - (1.0 - LEAST_STRENGTH) * self.dots_shown(view) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_gives_way_to_its_cities_as_one_zooms_in_but_only_where_there_are_any() {
        let code = CountryCode::parse("DE").unwrap();
        let mut paint = Paint { countries: HashMap::from([(code, 3)]), dots: Vec::new() };
        let at = |zoom| MapView { zoom, ..MapView::default() };
        assert!((paint.strength(&at(6.0)) - 1.0).abs() < 1e-9);
        paint.dots.push(Dot { place: Place::default(), shade: 3, area: 1.0 });
        assert!((paint.strength(&at(0.0)) - 1.0).abs() < 1e-9 && paint.dots_shown(&at(0.0)) <= 0.0);
        assert!(paint.strength(&at(4.0)) < 0.5 && paint.dots_shown(&at(4.0)) >= 1.0);
        assert!(Paint::default().strength(&at(0.0)) <= 0.0);
    }
}
