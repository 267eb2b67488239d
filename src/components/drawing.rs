//! Drawings that pages and PDFs share: charts and the map of a report as plain shapes.
//!
//! Whoever makes one knows no CSS and no PDF; colours are [`Ink`]s, which the page takes from its theme and the PDF from
//! the light one.

use crate::model::place::CountryCode;

/// The colour of a shape, by its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Words and figures.
    Text,
    /// Words that step back, axes.
    Muted,
    /// Lines of a grid.
    Grid,
    /// A line of figures, 1 to 12, as the tokens `--series-1` to `--series-12` number them.
    Series(u8),
    /// Figures of the period before.
    Before,
    /// Time in which nothing was collected.
    Gap,
    /// A class of the heatmap, 1 to 8 as its legend numbers them; the last is most.
    Heat(u8),
    /// Land, and cells, without figures.
    Land,
    /// What is behind everything.
    Ground,
}

/// Where the end of a text is that its position names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// A shape of a drawing, in its units: from the left and from the top.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A filled box.
    Box {
        /// Left edge.
        x: f64,
        /// Upper edge.
        y: f64,
        /// Width.
        width: f64,
        /// Height.
        height: f64,
        /// Its colour.
        fill: Ink,
        /// What it stands for, for those who point at it; empty for nothing.
        title: String,
    },
    /// A line through points.
    Line {
        /// The points, x and y.
        points: Vec<(f64, f64)>,
        /// Its colour.
        stroke: Ink,
        /// Its width.
        width: f64,
        /// Whether it is dashed.
        is_dashed: bool,
    },
    /// A filled area, closed by itself.
    Area {
        /// Its corners.
        points: Vec<(f64, f64)>,
        /// Its colour.
        fill: Ink,
    },
    /// A line of text.
    Text {
        /// Where its anchor is.
        x: f64,
        /// Where its baseline is.
        y: f64,
        /// Height of its letters (font size).
        size: f64,
        /// Which end is at `x`.
        anchor: Anchor,
        /// Its colour.
        ink: Ink,
        /// The text.
        text: String,
    },
    /// The world of `world_map::still`, scaled to a width.
    World {
        /// Left edge.
        x: f64,
        /// Upper edge.
        y: f64,
        /// Width; the height follows.
        width: f64,
        /// The class of the heatmap of countries, and what each stands for; the others are land.
        countries: Vec<(CountryCode, u8, String)>,
    },
}

/// Shapes on a sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Width of the sheet.
    pub width: f64,
    /// Height of the sheet.
    pub height: f64,
    /// What it shows, for those who do not see it.
    pub label: String,
    /// The shapes, the lowest first.
    pub shapes: Vec<Shape>,
}
