//! A drawing while it is made.

use super::LETTERS;
use crate::components::drawing::{Anchor, Drawing, Ink, Shape};

/// Mean width of a letter, as a part of its height.
const LETTER_WIDTH: f64 = 0.57;

/// A box on the sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Area {
    /// Its right edge.
    pub fn right(self) -> f64 {
        self.x + self.width
    }

    /// Its lower edge.
    pub fn foot(self) -> f64 {
        self.y + self.height
    }
}

/// The sheet.
pub struct Sheet {
    /// Its width.
    pub width: f64,
    shapes: Vec<Shape>,
}

impl Sheet {
    /// An empty one.
    pub const fn new(width: f64) -> Self {
        Self { width, shapes: Vec::new() }
    }

    /// A filled box, with what it stands for.
    pub fn fill(&mut self, area: Area, fill: Ink, title: &str) {
        let Area { x, y, width, height } = area;
        self.shapes.push(Shape::Box { x, y, width, height, fill, title: title.to_owned() });
    }

    /// A line through points.
    pub fn line(&mut self, points: Vec<(f64, f64)>, stroke: Ink, width: f64, is_dashed: bool) {
        self.shapes.push(Shape::Line { points, stroke, width, is_dashed });
    }

    /// A line of text.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, ink: Ink, text: impl Into<String>) {
        self.shapes.push(Shape::Text { x, y, size: LETTERS, anchor, ink, text: text.into() });
    }

    /// Any other shape.
    pub fn push(&mut self, shape: Shape) {
        self.shapes.push(shape);
    }

    /// The drawing.
    pub fn finish(self, height: f64, label: String) -> Drawing {
        Drawing { width: self.width, height, label, shapes: self.shapes }
    }
}

/// About how wide a text is.
pub fn text_width(text: &str) -> f64 {
    let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    f64::from(letters) * LETTERS * LETTER_WIDTH
}
