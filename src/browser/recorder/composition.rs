//! A frame of a film: the map, and on it what it shows, when, how much, and who made the data.

use web_sys::CanvasRenderingContext2d;

use crate::browser::film::{Caption, FilmSize, ShadeLegend, written};
use crate::browser::map_renderer::palette::{Colour, Palette, css};
use crate::browser::map_renderer::shot::Shot;

/// CSS pixels from an edge to what is written.
const MARGIN: f64 = 22.0;
/// Width of a step in a legend of shades, CSS pixels.
const STEP_WIDTH: f64 = 44.0;
/// Size and weight of the figures below it.
const BOUND: (f64, u32) = (10.5, 400);

/// Where a map is on the canvas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Pixels from the left and the upper edge.
    corner: (f64, f64),
    /// How large it is.
    pub size: FilmSize,
}

impl Region {
    /// The room of one of several maps: beside each other, or below each other in an upright film.
    pub fn of(film: FilmSize, index: usize, number: usize) -> Self {
        let number = u32::try_from(number).unwrap_or(1).max(1);
        let index = f64::from(u32::try_from(index).unwrap_or(0));
        if film.width >= film.height {
            let size = FilmSize { width: film.width / number, ..film };
            Self { corner: (index * f64::from(size.width), 0.0), size }
        } else {
            let size = FilmSize { height: film.height / number, ..film };
            Self { corner: (0.0, index * f64::from(size.height)), size }
        }
    }
}

/// The canvas, in CSS pixels of one map's region.
struct Sheet<'a> {
    context: &'a CanvasRenderingContext2d,
    palette: &'a Palette,
    font: &'a str,
    width: f64,
    height: f64,
}

/// Draws one map's frame into its region.
pub fn compose(context: &CanvasRenderingContext2d, region: Region, shot: &Shot<'_>, caption: &Caption) {
    let (left, top) = region.corner;
    let (width, height) = (f64::from(region.size.width), f64::from(region.size.height));
    // A canvas that takes no transformation draws nothing; there is nothing to do about it.
    context.set_transform(1.0, 0.0, 0.0, 1.0, left, top).unwrap_or_default();
    context.set_fill_style_str(&css(shot.palette.ocean, 1.0));
    context.fill_rect(0.0, 0.0, width, height);
    for layer in shot.layers {
        context
            .draw_image_with_html_canvas_element_and_dw_and_dh(layer, 0.0, 0.0, width, height)
            .unwrap_or_default();
    }
    let pixel = region.size.pixel();
    context.set_transform(pixel, 0.0, 0.0, pixel, left, top).unwrap_or_default();
    let sheet = Sheet {
        context,
        palette: shot.palette,
        font: shot.font,
        width: width / pixel,
        height: height / pixel,
    };
    sheet.write(caption);
}

impl Sheet<'_> {
    fn write(&self, caption: &Caption) {
        self.context.set_text_baseline("alphabetic");
        self.context.set_line_join("round");
        let mut y = MARGIN + 14.0;
        for (index, line) in caption.title.iter().enumerate() {
            let (size, weight) = if index == 0 { (17.0, 600) } else { (13.0, 400) };
            self.text(line, (MARGIN, y), (size, weight), 1.0, self.width - 2.0 * MARGIN);
            y += 21.0;
        }
        let mut y = self.height - MARGIN - 6.0;
        for line in caption.figures.iter().rev() {
            self.text(line, (MARGIN, y), (13.0, 400), 0.95, 0.62 * self.width);
            y -= 19.0;
        }
        self.text(&caption.date, (MARGIN, y - 2.0), (15.0, 500), 1.0, 0.62 * self.width);
        self.text(&caption.clock, (MARGIN, y - 22.0), (34.0, 650), 1.0, 0.62 * self.width);
        self.legend(caption);
        self.progress(caption.passed);
    }

    /// On the right, from the bottom up: credits, colours of the arcs, colours of the countries.
    fn legend(&self, caption: &Caption) {
        let right = self.width - MARGIN;
        let mut y = self.height - MARGIN - 6.0;
        self.right_text(&caption.credits, (right, y), (10.5, 400), 0.8);
        y -= 24.0;
        let size = (13.0, 500);
        let widest = caption.arcs.iter().map(|(_, name)| self.width_of(name, size)).fold(0.0, f64::max);
        for (colour, name) in caption.arcs.iter().rev() {
            let colour = self.palette.arcs.get(usize::from(*colour)).copied().unwrap_or(self.palette.label);
            let left = right - widest;
            self.context.set_stroke_style_str(&css(self.palette.space, 0.7));
            self.context.set_line_width(2.0);
            self.context.stroke_rect(left - 28.0, y - 7.0, 20.0, 4.0);
            self.fill(colour, (left - 28.0, y - 7.0), (20.0, 4.0));
            self.text(name, (left, y), size, 1.0, widest + 1.0);
            y -= 20.0;
        }
        if let Some(shades) = &caption.shades {
            self.shades(shades, (right, y - 8.0));
        }
    }

    fn shades(&self, legend: &ShadeLegend, (right, bottom): (f64, f64)) {
        let number = f64::from(u32::try_from(legend.steps.len()).unwrap_or(0));
        let mut left = right - number * STEP_WIDTH;
        self.right_text(&legend.title, (right, bottom - 30.0), (12.0, 500), 1.0);
        let widths: Vec<f64> = legend.steps.iter().map(|(_, from)| self.width_of(from, BOUND)).collect();
        let written = written(&widths, self.width_of(&legend.end, BOUND), STEP_WIDTH);
        for (index, ((shade, from), width)) in legend.steps.iter().zip(&widths).enumerate() {
            let colour = self.palette.shades.get(usize::from(*shade)).copied().unwrap_or(self.palette.land);
            self.fill(colour, (left, bottom - 22.0), (STEP_WIDTH, 10.0));
            if written.contains(&index) {
                self.text(from, (left, bottom), BOUND, 0.95, width + 1.0);
            }
            left += STEP_WIDTH;
        }
        self.right_text(&legend.end, (right, bottom), BOUND, 0.95);
    }

    /// A line along the lower edge.
    fn progress(&self, passed: f64) {
        self.fill_with(&css(self.palette.label, 0.25), (0.0, self.height - 4.0), (self.width, 4.0));
        let width = self.width * passed.clamp(0.0, 1.0);
        self.fill_with(&css(self.palette.highlight, 1.0), (0.0, self.height - 4.0), (width, 4.0));
    }

    fn fill(&self, colour: Colour, from: (f64, f64), size: (f64, f64)) {
        self.fill_with(&css(colour, 1.0), from, size);
    }

    fn fill_with(&self, style: &str, (left, top): (f64, f64), (width, height): (f64, f64)) {
        self.context.set_fill_style_str(style);
        self.context.fill_rect(left, top, width, height);
    }

    fn right_text(&self, text: &str, (right, y): (f64, f64), size: (f64, u32), strength: f64) {
        let width = self.width_of(text, size).min(0.6 * self.width);
        self.text(text, (right - width, y), size, strength, width + 1.0);
    }

    fn width_of(&self, text: &str, (size, weight): (f64, u32)) -> f64 {
        self.context.set_font(&format!("{weight} {size}px {}", self.font));
        self.context.measure_text(text).map_or(0.0, |measured| measured.width())
    }

    /// Writes a text that stands out from whatever is below it, made narrower where it has no room.
    fn text(
        &self,
        text: &str,
        (x, y): (f64, f64),
        (size, weight): (f64, u32),
        strength: f64,
        most_width: f64,
    ) {
        if text.is_empty() {
            return;
        }
        let is_dark = self.palette.is_dark();
        let ink: Colour = if is_dark { [0.94, 0.96, 1.0] } else { [0.07, 0.11, 0.17] };
        let edge = if is_dark { self.palette.space } else { self.palette.land };
        self.context.set_font(&format!("{weight} {size}px {}", self.font));
        self.context.set_stroke_style_str(&css(edge, 0.85));
        self.context.set_line_width(4.0);
        // As with names on the map: a canvas that cannot write shows none.
        self.context.stroke_text_with_max_width(text, x, y, most_width).unwrap_or_default();
        self.context.set_fill_style_str(&css(ink, strength));
        self.context.fill_text_with_max_width(text, x, y, most_width).unwrap_or_default();
    }
}
