//! What a film of the map shows beside the map, and how large it is.

use leptos::prelude::*;

use crate::components::world_map::MapHandle;

/// A map in a film.
#[derive(Clone, Copy)]
pub struct Pane {
    /// The map.
    pub map: MapHandle,
    /// What is written on it; asked for with every frame.
    pub caption: Callback<(), Caption>,
}

/// How large a film or a picture is, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilmSize {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl FilmSize {
    /// The sizes that are offered, and what they are called.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self { width: 1280, height: 720 }, "1280 × 720"),
        (Self { width: 1920, height: 1080 }, "1920 × 1080"),
        (Self { width: 1080, height: 1080 }, "1080 × 1080, square"),
        (Self { width: 1080, height: 1920 }, "1080 × 1920, upright"),
    ];

    /// Pixels of a CSS pixel: names and lines are as large as on a screen of 720 lines.
    pub fn pixel(self) -> f64 {
        f64::from(self.width.min(self.height)).max(1.0) / 720.0
    }
}

/// What is written on a frame. Empty texts and lists take no room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caption {
    /// What is shown: the range, and the filter.
    pub title: Vec<String>,
    /// The moment, as a clock shows it, with its zone.
    pub clock: String,
    /// The day of the moment.
    pub date: String,
    /// What passed up to the moment.
    pub figures: Vec<String>,
    /// What the arcs' colours say: `--arc-0` to `--arc-7`, and the words.
    pub arcs: Vec<(u8, String)>,
    /// What the countries' colours say.
    pub shades: Option<ShadeLegend>,
    /// Who made the data.
    pub credits: String,
    /// How much of the range has passed, 0 to 1.
    pub passed: f64,
}

/// What the colours of countries say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShadeLegend {
    /// What is coloured.
    pub title: String,
    /// Each shade, `--shade-0` to `--shade-14`, with the figure it begins at.
    pub steps: Vec<(u8, String)>,
    /// The largest figure.
    pub end: String,
}

/// Why there is no film or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilmFault {
    /// There is no map that could be filmed.
    NoMap,
    /// The browser records no WebM video.
    NoWebM,
    /// The browser began and failed.
    Failed,
}

impl FilmFault {
    /// For people: what is wrong and what to do instead.
    pub const fn told(self) -> &'static str {
        match self {
            Self::NoMap => "The map is not drawn by this browser, so it cannot be filmed: it needs WebGL2.",
            Self::NoWebM => {
                "This browser records no WebM video. Chrome, Edge, Firefox and newer Safari do; \
                 the picture and the flow records can be saved here, too."
            }
            Self::Failed => "The browser could not record the video. Try a smaller size.",
        }
    }
}
