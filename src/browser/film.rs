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

/// Least room between two figures below a legend, CSS pixels.
const APART: f64 = 6.0;

/// Which of the figures at which steps begin are written below a legend, so that none runs into the next or into the one at its
/// end: each, each second, and so on. All are CSS pixels: how wide each figure is, how wide the one at the end, written up to
/// the right edge (0 for none), and how wide a step.
pub fn written(widths: &[f64], end_width: f64, step_width: f64) -> Vec<usize> {
    let place = |step: usize| u32::try_from(step).map_or(f64::MAX, |step| f64::from(step) * step_width);
    let right = |step: usize| place(step) + widths.get(step).copied().unwrap_or(0.0);
    let steps = widths.len();
    let fits = |stride: &usize| {
        let mut each = (0..steps).step_by(*stride).filter(|step| step + stride < steps);
        each.all(|step| right(step) + APART <= place(step + stride))
    };
    let stride = (1..=steps).find(fits).unwrap_or(1);
    let edge = if end_width > 0.0 { place(steps) - end_width - APART } else { place(steps) };
    (0..steps).step_by(stride).filter(|step| right(*step) <= edge).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_legend_never_run_into_each_other_nor_into_the_one_at_the_end() {
        // Nine steps of 44 pixels: the last of every second would begin where the end's stands.
        assert_eq!(written(&[40.0; 9], 42.0, 44.0), [0, 2, 4, 6]);
        assert_eq!(written(&[30.0; 8], 30.0, 44.0), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(written(&[100.0; 8], 40.0, 44.0), [0, 3]);
        assert_eq!(written(&[30.0; 3], 0.0, 44.0), [0, 1, 2]);
        assert!(written(&[], 40.0, 44.0).is_empty());
        for number in 1..12 {
            for width in [10.0, 39.0, 44.0, 61.0, 300.0] {
                let widths = vec![width; number];
                let steps = u32::try_from(number).unwrap();
                let begin = |step: &usize| f64::from(u32::try_from(*step).unwrap()) * 44.0;
                let places: Vec<f64> = written(&widths, width, 44.0).iter().map(begin).collect();
                let ends = places.iter().skip(1).copied().chain([f64::from(steps) * 44.0 - width]);
                assert!(
                    places.iter().zip(ends).all(|(begin, next)| begin + width < next),
                    "{number}, {width}"
                );
            }
        }
    }
}
