//! What the shades mean, in numbers.

use leptos::prelude::*;

use super::rows::short;
use super::scale::{Change, Class};
use crate::model::history::Metric;
use crate::model::quantity;

/// What the legend has to explain.
#[derive(Clone, Debug, PartialEq)]
pub enum Explained {
    /// Figures of a metric.
    Figures {
        /// Which.
        metric: Metric,
        /// Their classes.
        classes: Vec<Class>,
        /// What a step means.
        meaning: &'static str,
    },
    /// Changes, in percent.
    Change {
        /// Of what, against what.
        title: String,
    },
    /// How one share is of the other.
    Shares {
        /// Of what, by what.
        title: String,
    },
}

struct Step {
    shade: u8,
    /// At its lower end.
    bound: String,
    told: String,
}

/// The legend.
#[component]
pub fn Legend(explained: Signal<Explained>) -> impl IntoView {
    let title = move || {
        explained.with(|explained| match explained {
            Explained::Figures { metric, meaning, .. } => {
                format!("{} by country, {meaning}", super::rows::metric_label(*metric))
            }
            Explained::Change { title } | Explained::Shares { title } => title.clone(),
        })
    };
    let scale = move || {
        let (steps, end) = explained.with(steps);
        let steps = steps.into_iter().map(|step| {
            let told = step.told.clone();
            view! {
                <li class="heat-legend__step" title=told>
                    <span class=format!("heat-legend__swatch heat-legend__swatch--{}", step.shade)></span>
                    <span class="heat-legend__bound" aria-hidden="true">{step.bound}</span>
                    <span class="visually-hidden">{step.told} " "</span>
                </li>
            }
        });
        view! {
            <ol class="heat-legend__scale">
                <li class="heat-legend__step heat-legend__step--none" title="No traffic in this range">
                    <span class="heat-legend__swatch heat-legend__swatch--none"></span>
                    <span class="heat-legend__bound">"none "</span>
                </li>
                {steps.collect_view()}
                <li class="heat-legend__end" aria-hidden="true">
                    <span class="heat-legend__bound">{end}</span>
                </li>
            </ol>
        }
    };
    view! {
        <section class="heat-legend" aria-label="Legend">
            <p class="heat-legend__title">{title} " "</p>
            {scale}
        </section>
    }
    .into_any()
}

/// The steps, and what stands at the upper end of the last.
fn steps(explained: &Explained) -> (Vec<Step>, String) {
    match explained {
        Explained::Figures { metric, classes, .. } => {
            let last = classes.len().saturating_sub(1);
            let step = |(position, class): (usize, &Class)| {
                let countries = match class.number {
                    1 => "1 country".to_owned(),
                    number => format!("{number} countries"),
                };
                let (from, to) = (short(*metric, class.from), short(*metric, class.to));
                let ends = if position == last { "to" } else { "to less than" };
                Step {
                    shade: class.shade,
                    bound: from.clone(),
                    told: if from == to {
                        format!("{from}: {countries}")
                    } else {
                        format!("{from} {ends} {to}: {countries}")
                    },
                }
            };
            let most = classes.last().filter(|class| class.to > class.from);
            let end = most.map(|class| short(*metric, class.to)).unwrap_or_default();
            (classes.iter().enumerate().map(step).collect(), end)
        }
        Explained::Change { .. } => {
            (diverging(|factor| Change { factor }.percent(), ["less than ", "more than "]), "new".to_owned())
        }
        Explained::Shares { .. } => (diverging(quantity_of, ["less than ", "more than "]), String::new()),
    }
}

fn quantity_of(factor: f64) -> String {
    if factor < 1.0 || factor.fract() > 0.0 { Change { factor }.times() } else { format!("{factor:.0}×") }
}

fn diverging(told: impl Fn(f64) -> String, [below, above]: [&str; 2]) -> Vec<Step> {
    let bounds = Change::BOUNDS;
    let lower = [None].into_iter().chain(bounds.into_iter().map(Some));
    let upper = bounds.into_iter().map(Some).chain([None]);
    (Change::FIRST_SHADE..)
        .zip(lower.zip(upper))
        .map(|(shade, (from, to))| Step {
            shade,
            bound: from.map(&told).unwrap_or_default(),
            told: match (from, to) {
                (Some(from), Some(to)) => format!("{} to {}", told(from), told(to)),
                (None, Some(to)) => format!("{below}{}", told(to)),
                (Some(from), None) => format!("{above}{}", told(from)),
                (None, None) => String::new(),
            },
        })
        .collect()
}

/// Countries that have no place on the map, as a sentence; empty when all have one.
pub fn off_the_map(figures: &[(String, u64)], metric: Metric, total: u64) -> String {
    let sum = figures.iter().map(|(_, figure)| figure).sum();
    if figures.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = figures.iter().map(|(name, _)| name.as_str()).collect();
    let share = quantity::percent(sum, total);
    format!("Not on the map: {} ({share}), {}", super::rows::full(metric, sum), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_tells_its_bounds() {
        let classes = vec![
            Class { from: 1, to: 1_000, shade: 0, number: 1 },
            Class { from: 1_000, to: 5_400, shade: 7, number: 3 },
        ];
        let explained = Explained::Figures { metric: Metric::Bytes, classes, meaning: "equal steps" };
        let (steps, end) = steps(&explained);
        let told: Vec<String> = steps.iter().map(|step| step.told.replace('\u{202f}', " ")).collect();
        assert_eq!(told, ["1 B to less than 1.00 kB: 1 country", "1.00 kB to 5.40 kB: 3 countries"]);
        assert_eq!(end.replace('\u{202f}', " "), "5.40 kB");
    }

    #[test]
    fn a_change_has_seven_steps_from_a_quarter_to_fourfold() {
        let (steps, _) = steps(&Explained::Change { title: String::new() });
        let told: Vec<String> = steps.iter().map(|step| step.told.replace('\u{202f}', " ")).collect();
        assert_eq!((told[0].as_str(), told[6].as_str()), ("less than −75 %", "more than +300 %"));
        assert_eq!((steps[0].shade, steps[6].shade), (8, 14));
    }

    #[test]
    fn what_has_no_place_is_a_number_and_not_dropped() {
        let figures = [("unknown country".to_owned(), 30), ("EU".to_owned(), 12)];
        let told = off_the_map(&figures, Metric::Flows, 420).replace('\u{202f}', " ");
        assert_eq!(told, "Not on the map: 42 flows (10 %), unknown country, EU");
    }
}
