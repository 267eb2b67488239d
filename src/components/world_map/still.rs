//! The still picture: the world as SVG, there before any WASM runs, for print, and without WebGL2.
//!
//! The outlines are one resource, `/world.svg`, made once by the server from the base map ([`still_svg`]) and
//! cached by browsers. A page holds one small `<use>` a country that points into it. So the page stays small, the
//! WASM holds no outlines, server and browser make the same HTML, and every country is an element of the page:
//! it has a title, follows the theme, and can be coloured and clicked.

use std::fmt::Write;
use std::sync::LazyLock;

use leptos::prelude::*;

use super::base_map::{BaseMap, Land, Point};
use super::paint::Paint;
use super::projection::{MILLER, flat_height, wrapped};
use super::{CardLine, MapTarget, told};
use crate::model::countries::{countries, country};
use crate::model::place::CountryCode;

/// Where the server gives out [`still_svg`].
pub const STILL_SVG_PATH: &str = "/world.svg";
/// Width of the picture in its own units.
pub const STILL_WIDTH: f64 = 10_000.0;
/// Height of the picture in its own units.
pub const STILL_HEIGHT: f64 = 5_560.0;
/// Longitude in the middle: the picture is parted in the Bering Strait.
const MIDDLE: f64 = 11.0;
/// Latitude at the upper edge.
const NORTH_END: f64 = 83.7;
/// Points nearer than this to the last are left out, in units.
const COARSENESS: i32 = 11;
/// Radius of a country without land at this scale, in units.
const DOT: i32 = 12;

/// Where a place is in the picture: units from the left, units from the top.
pub fn still_position(longitude: f64, latitude: f64) -> (f64, f64) {
    let scale = STILL_WIDTH / 360.0;
    let left = STILL_WIDTH / 2.0 + wrapped(longitude - MIDDLE) * scale;
    (left, (flat_height(NORTH_END, MILLER) - flat_height(latitude, MILLER)) * scale)
}

/// The picture's outlines: a `<path>` or, for countries without land at this scale, a dot, by country code.
pub fn still_svg() -> &'static str {
    static SVG: LazyLock<String> = LazyLock::new(|| {
        BaseMap::parse(include_bytes!("../../../public/base_map.bin"))
            .map_or_else(|_| drawn(&BaseMap { arcs: Vec::new(), countries: Vec::new() }), |map| drawn(&map))
    });
    &SVG
}

/// A country's land in the units of the picture.
pub struct StillLand {
    /// Its code; `None` for land without one.
    pub code: Option<CountryCode>,
    /// Closed rings, filled by the even-odd rule. They go on beyond the edges of the picture.
    pub rings: Vec<Vec<[i32; 2]>>,
}

/// The picture's outlines as points, for those who draw without SVG; read once. A country without land at this scale
/// is a small square.
pub fn still_lands() -> &'static [StillLand] {
    static LANDS: LazyLock<Vec<StillLand>> = LazyLock::new(|| {
        let Ok(map) = BaseMap::parse(include_bytes!("../../../public/base_map.bin")) else {
            return Vec::new();
        };
        let lands = map.countries.iter().map(|land| StillLand { code: land.code, rings: rings_of(land) });
        let dots = countries().iter().filter(|entry| map.position(entry.code).is_none()).map(|entry| {
            let (x, y) = still_position(f64::from(entry.longitude), f64::from(entry.latitude));
            let (x, y) = (rounded(x), rounded(y));
            let corner = |[right, down]: [i32; 2]| [x + DOT * right, y + DOT * down];
            let rings = vec![[[-1, -1], [1, -1], [1, 1], [-1, 1]].map(corner).to_vec()];
            StillLand { code: Some(entry.code), rings }
        });
        lands.chain(dots).collect()
    });
    &LANDS
}

fn rings_of(land: &Land) -> Vec<Vec<[i32; 2]>> {
    let largest = land.polygons.iter().map(super::base_map::Polygon::area).fold(0.0, f32::max);
    let rings = |polygon: &super::base_map::Polygon| {
        let is_largest = polygon.area() >= largest;
        polygon.rings.iter().flat_map(|ring| drawn_rings(ring, is_largest)).collect::<Vec<_>>()
    };
    land.polygons.iter().flat_map(rings).collect()
}

fn drawn(map: &BaseMap) -> String {
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {STILL_WIDTH} {STILL_HEIGHT}"><g fill-rule="evenodd">"#
    );
    for land in &map.countries {
        let mut path = String::new();
        for ring in rings_of(land) {
            push_points(&mut path, &ring);
        }
        let id = land.code.as_ref().map_or("unclaimed", CountryCode::as_str);
        push_text(
            &mut svg,
            format_args!(r#"<path id="{id}" vector-effect="non-scaling-stroke" d="{path}"/>"#),
        );
    }
    for entry in countries() {
        if map.position(entry.code).is_none() {
            let (x, y) = still_position(f64::from(entry.longitude), f64::from(entry.latitude));
            push_text(
                &mut svg,
                format_args!(r#"<circle id="{}" cx="{x:.0}" cy="{y:.0}" r="{DOT}"/>"#, entry.code),
            );
        }
    }
    svg.push_str("</g></svg>\n");
    svg
}

/// A ring in the picture, and its part beyond the edge of the picture once more on the other side.
fn drawn_rings(ring: &[Point], is_largest: bool) -> Vec<Vec<[i32; 2]>> {
    let mut drawn = Vec::new();
    let scale = STILL_WIDTH / 360.0;
    let turn = |longitude: f32| f64::from(longitude) - MIDDLE;
    let place = |point: &Point, shift: f64| {
        let x = STILL_WIDTH / 2.0 + (turn(point[0]) + shift) * scale;
        let y = still_position(0.0, f64::from(point[1])).1;
        [rounded(x), rounded(y.clamp(-500.0, STILL_HEIGHT + 500.0))]
    };
    for shift in [0.0, 360.0] {
        let east = ring.iter().map(|point| turn(point[0]) + shift).fold(f64::MIN, f64::max);
        let west = ring.iter().map(|point| turn(point[0]) + shift).fold(f64::MAX, f64::min);
        if east < -180.0 || west > 180.0 {
            continue;
        }
        let mut points: Vec<[i32; 2]> = Vec::new();
        for point in ring {
            let [x, y] = place(point, shift);
            let is_far =
                points.last().is_none_or(|last| (x - last[0]).abs().max((y - last[1]).abs()) >= COARSENESS);
            if is_far {
                points.push([x, y]);
            }
        }
        if points.len() < 3 {
            if !is_largest {
                continue;
            }
            points = ring.iter().map(|point| place(point, shift)).collect();
        }
        drawn.push(points);
    }
    drawn
}

fn push_points(path: &mut String, points: &[[i32; 2]]) {
    let mut last: Option<[i32; 2]> = None;
    for &[x, y] in points {
        match last {
            None => push_text(path, format_args!("M{x} {y}l")),
            Some([left, top]) => {
                let (right, down) = (x - left, y - top);
                let before_right = if path.ends_with('l') || right < 0 { "" } else { " " };
                let before_down = if down < 0 { "" } else { " " };
                push_text(path, format_args!("{before_right}{right}{before_down}{down}"));
            }
        }
        last = Some([x, y]);
    }
    path.push('z');
}

#[expect(clippy::cast_possible_truncation, reason = "units of the picture are far below an i32's range")]
fn rounded(units: f64) -> i32 {
    units.round() as i32
}

fn push_text(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(arguments).unwrap_or_default();
}

/// The still picture. What is given as children stands above the countries, in the picture's units.
#[component]
pub fn WorldMapSvg(
    /// Colours of countries; a coloured one says its facts.
    paint: Signal<Paint>,
    /// What there is to say of a country.
    facts: Callback<MapTarget, Vec<CardLine>>,
    /// The country that is highlighted.
    selected: Signal<Option<CountryCode>>,
    /// A country was clicked.
    on_select: Callback<CountryCode>,
    /// Circles and texts at [`still_position`]s.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let lands = countries().iter().map(|entry| entry.code).map(|code| {
        let name = country(code).map_or("", |entry| entry.name);
        let shade = Memo::new(move |_| paint.with(|paint| paint.countries.get(&code).copied()));
        let class = move || {
            let shaded =
                shade.get().map_or_else(String::new, |shade| format!(" world-map__country--{shade}"));
            let selected = if selected.get() == Some(code) { " world-map__country--selected" } else { "" };
            format!("world-map__country{shaded}{selected}")
        };
        let title = move || if shade.get().is_some() { told(code, facts) } else { name.to_owned() };
        view! {
            <use
                href=format!("{STILL_SVG_PATH}#{code}")
                class=class
                data-country=code.to_string()
                on:click=move |_| on_select.run(code)
            >
                <title>{title}</title>
            </use>
        }
    });
    view! {
        <svg
            class="world-map__still"
            viewBox=format!("0 0 {STILL_WIDTH} {STILL_HEIGHT}")
            preserveAspectRatio="xMidYMid meet"
            role="img"
            aria-label="World map"
        >
            <use href=format!("{STILL_SVG_PATH}#unclaimed") class="world-map__country"></use>
            {lands.collect_view()}
            {children.map(|children| children())}
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_every_country_and_is_small() {
        let svg = still_svg();
        assert!(svg.len() < 130_000, "{} bytes", svg.len());
        for entry in countries() {
            assert!(svg.contains(&format!(r#"id="{}""#, entry.code)), "{}", entry.name);
        }
    }

    #[test]
    fn a_place_is_where_a_reader_of_maps_expects_it() {
        let (x, y) = still_position(26.5, -33.3);
        assert!(x > STILL_WIDTH / 2.0 && y > STILL_HEIGHT / 2.0);
        let (far_east, _) = still_position(-170.0, 60.0);
        assert!(far_east > 0.95 * STILL_WIDTH);
    }
}
