//! The topmost canvas: names, cities' dots and home markers, drawn again only when the camera moves.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::palette::{Palette, css};
use crate::components::world_map::MapTarget;
use crate::components::world_map::base_map::{BaseMap, Polygon};
use crate::components::world_map::camera::Camera;
use crate::components::world_map::labels::{Label, LabelKind, PlacedLabel, placed};
use crate::components::world_map::paint::Paint;
use crate::model::countries::country;
use crate::model::place::{City, HomeNetwork, Place};

/// Countries' extent on the map counts at least this, so that small islands get a name when one looks closely.
const SMALLEST_COUNTRY: f64 = 0.35;

/// The names on the map and where they stand now.
pub struct LabelLayer {
    context: CanvasRenderingContext2d,
    font: String,
    countries: Vec<Label>,
    homes: Vec<Label>,
    cities: Vec<Label>,
    targets: Vec<City>,
    all: Vec<Label>,
    placed: Vec<PlacedLabel>,
    dots: Vec<PlacedDot>,
}

/// A dot that is on the screen.
struct PlacedDot {
    x: f64,
    y: f64,
    radius: f64,
    place: Place,
}

impl LabelLayer {
    /// `font` is a CSS font family.
    pub fn new(canvas: &HtmlCanvasElement, font: String) -> Option<Self> {
        let context = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        Some(Self {
            context,
            font,
            countries: Vec::new(),
            homes: Vec::new(),
            cities: Vec::new(),
            targets: Vec::new(),
            all: Vec::new(),
            placed: Vec::new(),
            dots: Vec::new(),
        })
    }

    /// The font family of all names.
    pub fn font(&self) -> &str {
        &self.font
    }

    /// Takes the countries' names and sizes from the base map, the largest first.
    pub fn set_countries(&mut self, map: &BaseMap) {
        let mut labels: Vec<Label> = map
            .countries
            .iter()
            .enumerate()
            .filter_map(|(position, land)| {
                let entry = country(land.code?)?;
                let area: f32 = land.polygons.iter().map(Polygon::area).fold(0.0, f32::max);
                Some(Label {
                    kind: LabelKind::Country,
                    text: entry.name.to_owned(),
                    longitude: f64::from(entry.longitude),
                    latitude: f64::from(entry.latitude),
                    size: (f64::from(area).sqrt() * 1.3).max(SMALLEST_COUNTRY),
                    width: 0.0,
                    position,
                })
            })
            .collect();
        labels.sort_by(|one, other| other.size.total_cmp(&one.size));
        self.countries = labels;
        self.measure();
    }

    /// Takes the home networks and cities, the cities by importance.
    pub fn set_places(&mut self, homes: &[HomeNetwork], cities: &[City]) {
        let label = |kind, text: &str, place: &crate::model::place::Place, position: usize| Label {
            kind,
            text: text.to_owned(),
            longitude: f64::from(place.longitude),
            latitude: f64::from(place.latitude),
            size: f64::from(u32::try_from(position).unwrap_or(u32::MAX)),
            width: 0.0,
            position,
        };
        self.homes = homes
            .iter()
            .enumerate()
            .filter(|(_, home)| home.place.precision.has_coordinates())
            .map(|(position, home)| {
                let name = if home.place.city.is_empty() { &home.name } else { &home.place.city };
                label(LabelKind::Home, name, &home.place, position)
            })
            .collect();
        self.targets = cities.to_vec();
        self.targets.sort_by_key(|city| std::cmp::Reverse(city.addresses));
        self.cities = self
            .targets
            .iter()
            .enumerate()
            .filter(|(_, city)| city.place.precision.has_coordinates() && !city.place.city.is_empty())
            .map(|(position, city)| label(LabelKind::City, &city.place.city, &city.place, position))
            .collect();
        self.measure();
    }

    /// Puts all labels in the order in which they get room, and measures their texts.
    fn measure(&mut self) {
        self.all = [&self.homes, &self.countries, &self.cities].into_iter().flatten().cloned().collect();
        for label in &mut self.all {
            set_font(&self.context, &self.font, label.kind);
            label.width = self.context.measure_text(&shown(label)).map_or(60.0, |text| text.width());
        }
    }

    /// Draws the dots, and the names that have room; with `is_moving` between flat and globe, none.
    pub fn draw(&mut self, camera: &Camera, pixel: f64, palette: &Palette, paint: &Paint, is_moving: bool) {
        if self.context.set_transform(pixel, 0.0, 0.0, pixel, 0.0, 0.0).is_err() {
            return;
        }
        self.context.clear_rect(0.0, 0.0, camera.width, camera.height);
        self.dots = if is_moving { Vec::new() } else { draw_dots(&self.context, camera, palette, paint) };
        let context = &self.context;
        self.placed = if is_moving { Vec::new() } else { placed(&self.all, camera) };
        context.set_text_baseline("middle");
        context.set_text_align("left");
        context.set_line_join("round");
        let edge = if palette.is_dark() { palette.space } else { palette.land };
        // Names have to stand out from any shade.
        let (halo, ink_of_country) = if paint.countries.is_empty() { (0.6, 0.72) } else { (0.9, 1.0) };
        for place in self.placed.iter().rev() {
            let Some(label) = self.all.get(place.label) else { continue };
            set_font(context, &self.font, label.kind);
            match label.kind {
                LabelKind::Home => draw_home(context, place, palette),
                LabelKind::City => {
                    dot(context, place, 1.7, &css(palette.label, 0.85 * place.strength));
                }
                LabelKind::Country => {}
            }
            let Some(left) = place.text_left else { continue };
            let ink = match label.kind {
                LabelKind::Home => css(palette.home, 1.0),
                LabelKind::Country => css(palette.label, ink_of_country * place.strength),
                LabelKind::City => css(palette.label, 0.95 * place.strength),
            };
            let text = shown(label);
            context.set_stroke_style_str(&css(edge, halo * place.strength));
            context.set_line_width(3.0);
            // A canvas that cannot write shows no names; there is nothing to do about it.
            context.stroke_text(&text, left, place.y).unwrap_or_default();
            context.set_fill_style_str(&ink);
            context.fill_text(&text, left, place.y).unwrap_or_default();
        }
    }

    /// The home or city whose marker or dot is within `reach` CSS pixels of a point.
    pub fn marker_at(&self, x: f64, y: f64, reach: f64) -> Option<MapTarget> {
        self.label_at(x, y, reach).or_else(|| {
            // The smallest is on top.
            let dot = self.dots.iter().rev().find(|dot| (dot.x - x).hypot(dot.y - y) <= dot.radius + 2.0)?;
            Some(MapTarget::City(dot.place.clone()))
        })
    }

    fn label_at(&self, x: f64, y: f64, reach: f64) -> Option<MapTarget> {
        let nearest = self
            .placed
            .iter()
            .filter_map(|place| Some((place, self.all.get(place.label)?)))
            .filter(|(_, label)| label.kind != LabelKind::Country)
            .map(|(place, label)| {
                let on_text = place
                    .text_left
                    .is_some_and(|left| (left..left + label.width).contains(&x) && (place.y - y).abs() < 8.0);
                (if on_text { 0.0 } else { (place.x - x).hypot(place.y - y) }, label)
            })
            .min_by(|one, other| one.0.total_cmp(&other.0))?;
        let (away, label) = nearest;
        if away > reach {
            return None;
        }
        match label.kind {
            LabelKind::Home => Some(MapTarget::Home(label.text.clone())),
            LabelKind::City => Some(MapTarget::City(self.targets.get(label.position)?.place.clone())),
            LabelKind::Country => None,
        }
    }
}

/// Radius of the largest dot, in CSS pixels, before one has zoomed in far.
const LARGEST_DOT: f64 = 17.0;
const SMALLEST_DOT: f64 = 2.2;

fn draw_dots(
    context: &CanvasRenderingContext2d,
    camera: &Camera,
    palette: &Palette,
    paint: &Paint,
) -> Vec<PlacedDot> {
    let shown = paint.dots_shown(&camera.view);
    if shown <= 0.0 {
        return Vec::new();
    }
    let growth = 1.0 + 0.12 * camera.view.zoom;
    let mut dots = Vec::new();
    for dot in &paint.dots {
        let (longitude, latitude) = (f64::from(dot.place.longitude), f64::from(dot.place.latitude));
        let Some((x, y, near)) = camera.project(longitude, latitude) else { continue };
        let radius = (LARGEST_DOT * dot.area.sqrt()).max(SMALLEST_DOT) * growth;
        let margin = radius + 2.0;
        if x < -margin || y < -margin || x > camera.width + margin || y > camera.height + margin {
            continue;
        }
        let colour = palette.shades.get(usize::from(dot.shade)).copied().unwrap_or(palette.label);
        let strength = shown * (near / 0.3).clamp(0.0, 1.0);
        context.begin_path();
        if context.arc(x, y, radius, 0.0, std::f64::consts::TAU).is_ok() {
            context.set_fill_style_str(&css(colour, 0.72 * strength));
            context.fill();
            context.set_stroke_style_str(&css(palette.space, 0.7 * strength));
            context.set_line_width(1.0);
            context.stroke();
        }
        dots.push(PlacedDot { x, y, radius, place: dot.place.clone() });
    }
    dots
}

fn shown(label: &Label) -> String {
    if label.kind == LabelKind::Country { label.text.to_uppercase() } else { label.text.clone() }
}

fn set_font(context: &CanvasRenderingContext2d, family: &str, kind: LabelKind) {
    let (size, weight, spacing) = match kind {
        LabelKind::Home => (12, 600, "0px"),
        LabelKind::Country => (10, 500, "1.2px"),
        LabelKind::City => (11, 400, "0px"),
    };
    context.set_font(&format!("{weight} {size}px {family}"));
    // Browsers without letter spacing on a canvas write a little narrower.
    js_sys::Reflect::set(context, &"letterSpacing".into(), &JsValue::from_str(spacing)).unwrap_or_default();
}

fn draw_home(context: &CanvasRenderingContext2d, place: &PlacedLabel, palette: &Palette) {
    dot(context, place, 8.0, &css(palette.home, 0.16));
    dot(context, place, 5.0, &css(palette.space, 0.9));
    dot(context, place, 3.6, &css(palette.home, 1.0));
    if palette.is_dark() {
        dot(context, place, 1.4, &css([1.0; 3], 0.9));
    }
}

fn dot(context: &CanvasRenderingContext2d, place: &PlacedLabel, radius: f64, colour: &str) {
    context.begin_path();
    context.set_fill_style_str(colour);
    if context.arc(place.x, place.y, radius, 0.0, std::f64::consts::TAU).is_ok() {
        context.fill();
    }
}
