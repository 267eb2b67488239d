//! The map before a camera: every finished frame, at a size of the camera's choosing.
//!
//! While it is filmed the map's canvases have the size of the film, and the page shows them scaled to its own. The
//! world is drawn only when it changes and gone from its canvas a moment later, so a copy of it is kept.

use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, Document, HtmlCanvasElement};

use super::palette::Palette;
use crate::browser::film::FilmSize;

/// A finished frame of the map.
pub struct Shot<'a> {
    /// World, arcs and names: to be drawn in this order, each as large as the film.
    pub layers: [&'a HtmlCanvasElement; 3],
    /// The colours of the theme.
    pub palette: &'a Palette,
    /// The page's font family.
    pub font: &'a str,
}

/// Who films: the size, the copy of the world, and whom the frames are given to.
pub struct Camcorder {
    /// How large the canvases are meanwhile.
    pub size: FilmSize,
    world: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    take: Box<dyn FnMut(&Shot<'_>)>,
}

impl Camcorder {
    /// Gives every finished frame to `take`, which must not call the map.
    pub fn new(document: &Document, size: FilmSize, take: impl FnMut(&Shot<'_>) + 'static) -> Option<Self> {
        let world: HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
        world.set_width(size.width);
        world.set_height(size.height);
        let context = world.get_context("2d").ok()??.dyn_into().ok()?;
        Some(Self { size, world, context, take: Box::new(take) })
    }

    /// Copies the world, which has just been drawn.
    pub fn keep(&self, world: &HtmlCanvasElement) {
        // It fails for a canvas without pixels only, and this one has some.
        self.context.draw_image_with_html_canvas_element(world, 0.0, 0.0).unwrap_or_default();
    }

    /// Hands a finished frame on.
    pub fn take(
        &mut self,
        arcs: &HtmlCanvasElement,
        names: &HtmlCanvasElement,
        palette: &Palette,
        font: &str,
    ) {
        (self.take)(&Shot { layers: [&self.world, arcs, names], palette, font });
    }
}
