//! What passed so far by country, as colours below the arcs.

use leptos::prelude::*;

use super::feed::ReplayFeed;
use crate::components::heatmap::legend::Explained;
use crate::components::heatmap::rows::is_on_map;
use crate::components::heatmap::scale::{Class, Classes, Scale};
use crate::components::world_map::paint::Paint;
use crate::model::history::{CountryAmount, Metric};

/// The colours, and what they mean.
#[derive(Clone, Copy)]
pub struct Heat {
    /// The colours; none while the heatmap is off.
    pub paint: Memo<Paint>,
    /// Their meaning; `None` while the heatmap is off.
    pub explained: Memo<Option<Explained>>,
}

impl Heat {
    /// Follows the moment. `scaled_to` has the figures of the whole range, so that a colour means the same all along;
    /// until they are there, the colours are those of the moment alone.
    pub fn new(
        feed: ReplayFeed,
        metric: Memo<Option<Metric>>,
        scaled_to: Signal<Option<Vec<CountryAmount>>>,
    ) -> Self {
        let classes =
            Memo::new(move |_| {
                let metric = metric.get()?;
                let of = |countries: &[CountryAmount]| {
                    let on_map = countries.iter().filter(|entry| is_on_map(entry.country));
                    classes_up_to(on_map.map(|entry| entry.amount.of(metric)).collect())
                };
                Some(scaled_to.with(|whole| match whole {
                    Some(whole) => of(whole),
                    None => feed.so_far.with(|so_far| {
                        so_far.as_ref().map(|so_far| of(&so_far.countries)).unwrap_or_default()
                    }),
                }))
            });
        let paint = Memo::new(move |_| {
            let (Some(metric), Some(classes)) = (metric.get(), classes.get()) else {
                return Paint::default();
            };
            let shade = |entry: &CountryAmount| {
                let code = entry.country.filter(|code| is_on_map(Some(*code)))?;
                let class = class_of(&classes, entry.amount.of(metric))?;
                Some((code, classes.get(class)?.shade))
            };
            let countries = feed.so_far.with(|so_far| {
                so_far.iter().flat_map(|so_far| &so_far.countries).filter_map(shade).collect()
            });
            Paint { countries, dots: Vec::new() }
        });
        let explained = Memo::new(move |_| {
            let (metric, mut classes) = metric.get().zip(classes.get())?;
            for class in &mut classes {
                class.number = 0;
            }
            feed.so_far.with(|so_far| {
                let countries = so_far.iter().flat_map(|so_far| &so_far.countries);
                for entry in countries.filter(|entry| is_on_map(entry.country)) {
                    let class = class_of(&classes, entry.amount.of(metric));
                    if let Some(class) = class.and_then(|class| classes.get_mut(class)) {
                        class.number += 1;
                    }
                }
            });
            let meaning = if feed.is_counting.get() {
                "being counted …; equal factors"
            } else {
                "so far; equal factors"
            };
            Some(Explained::Figures { metric, classes, meaning })
        });
        Self { paint, explained }
    }
}

/// Classes in which figures have room from the first flow on, up to what they are in the end.
fn classes_up_to(mut figures: Vec<u64>) -> Vec<Class> {
    /// The lowest class begins at this part of the largest figure.
    const LEAST_PART: u64 = 1_000;
    let most = figures.iter().copied().max().unwrap_or(0);
    if most > 0 {
        figures.push((most / LEAST_PART).max(1));
    }
    let mut classes = Classes::of(Scale::Logarithmic, figures.into_iter()).classes().to_vec();
    // What is less than the lowest bound is little, not nothing.
    if let Some(lowest) = classes.first_mut() {
        lowest.from = 1;
    }
    classes
}

/// In which class a figure is; `None` for zero.
fn class_of(classes: &[Class], figure: u64) -> Option<usize> {
    classes.partition_point(|class| class.from <= figure).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_means_the_same_from_the_first_flow_to_the_last() {
        let classes = classes_up_to(vec![900_000, 120_000, 80_000]);
        let shade = |figure| class_of(&classes, figure).map(|class| classes[class].shade);
        assert_eq!((shade(0), shade(1)), (None, Some(0)));
        assert!(shade(1_000) < shade(80_000) && shade(80_000) < shade(900_000));
        assert_eq!(class_of(&classes_up_to(Vec::new()), 5), None);
    }
}
