//! The map's colours, read from the CSS custom properties of the page's theme.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    CanvasRenderingContext2d, CssStyleDeclaration, Document, HtmlCanvasElement, HtmlElement, Window,
};

use crate::components::world_map::paint::SHADES;

/// Red, green and blue, 0 to 1.
pub type Colour = [f32; 3];

/// All colours of the map.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    /// Water.
    pub ocean: Colour,
    /// Beside the globe and in the corners of the flat map.
    pub space: Colour,
    /// Land.
    pub land: Colour,
    /// Lines between countries.
    pub border: Colour,
    /// Lines between land and water.
    pub coast: Colour,
    /// The light of the sea along the coasts.
    pub glow: Colour,
    /// The selected country.
    pub highlight: Colour,
    /// Home markers.
    pub home: Colour,
    /// Names.
    pub label: Colour,
    /// Arcs.
    pub arcs: [Colour; 8],
    /// Shades of countries and dots.
    pub shades: [Colour; SHADES],
}

impl Palette {
    /// Reads the colours that hold for an element now.
    pub fn read(window: &Window, document: &Document, element: &HtmlElement) -> Option<Self> {
        let probe = Probe::within(window, document, element)?;
        let eye = Eye::new(document)?;
        let colour = |name: &str, otherwise: Colour| {
            probe.colour(name).and_then(|text| eye.see(&text)).unwrap_or(otherwise)
        };
        let ocean = colour("--map-ocean", [0.03, 0.06, 0.11]);
        let land = colour("--map-land", [0.09, 0.14, 0.21]);
        let coast = colour("--map-coast", [0.25, 0.36, 0.5]);
        let label = colour("--map-label", [0.68, 0.75, 0.83]);
        let mut arcs = [label; 8];
        for (position, arc) in arcs.iter_mut().enumerate() {
            *arc = colour(&format!("--arc-{position}"), label);
        }
        let mut shades = [land; SHADES];
        for (position, shade) in shades.iter_mut().enumerate() {
            *shade = colour(&format!("--shade-{position}"), land);
        }
        Some(Self {
            ocean,
            space: colour("--map-space", ocean.map(|part| part * 0.6)),
            land,
            border: colour("--map-border", coast),
            coast,
            glow: colour("--map-glow", coast),
            highlight: colour("--map-highlight", label),
            home: colour("--map-home", label),
            label,
            arcs,
            shades,
        })
    }

    /// True when the ocean is dark, so that arcs shine instead of being ink.
    pub fn is_dark(&self) -> bool {
        let [red, green, blue] = self.ocean;
        0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.45
    }
}

/// A colour as CSS writes it.
pub fn css(colour: Colour, alpha: f64) -> String {
    let [red, green, blue] = colour.map(|part| (part * 255.0).round());
    format!("rgba({red},{green},{blue},{alpha})")
}

/// Finds out what colour a custom property stands for where an element is: it may name one for each theme, and which of them
/// holds only the colour of an element says.
pub struct Probe {
    element: HtmlElement,
    style: CssStyleDeclaration,
}

impl Probe {
    /// A probe within an element, until it is dropped.
    pub fn within(window: &Window, document: &Document, parent: &HtmlElement) -> Option<Self> {
        let element: HtmlElement = document.create_element("span").ok()?.dyn_into().ok()?;
        let style = window.get_computed_style(&element).ok()??;
        parent.append_child(&element).ok()?;
        Some(Self { element, style })
    }

    /// The colour as a browser writes it, `rgb(1, 2, 3)`; `None` where there is no such property.
    pub fn colour(&self, name: &str) -> Option<String> {
        const NONE: &str = "rgba(0, 0, 0, 0)";
        self.element.style().set_property("color", &format!("var({name}, transparent)")).ok()?;
        self.style.get_property_value("color").ok().filter(|colour| !colour.is_empty() && colour != NONE)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.element.remove();
    }
}

/// Finds out what a colour in any CSS notation looks like, by painting with it.
struct Eye {
    context: CanvasRenderingContext2d,
}

impl Eye {
    fn new(document: &Document) -> Option<Self> {
        let canvas: HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
        canvas.set_width(1);
        canvas.set_height(1);
        let options = js_sys::Object::new();
        js_sys::Reflect::set(&options, &"willReadFrequently".into(), &JsValue::TRUE).ok()?;
        let context = canvas.get_context_with_context_options("2d", &options).ok()??.dyn_into().ok()?;
        Some(Self { context })
    }

    fn see(&self, text: &str) -> Option<Colour> {
        self.context.set_fill_style_str(text);
        self.context.fill_rect(0.0, 0.0, 1.0, 1.0);
        let pixel = self.context.get_image_data(0.0, 0.0, 1.0, 1.0).ok()?.data().0;
        match pixel.as_slice() {
            [red, green, blue, ..] => Some([*red, *green, *blue].map(|part| f32::from(part) / 255.0)),
            _ => None,
        }
    }
}
