//! A minute of a rate as a small line.

use std::fmt::Write as _;

use leptos::prelude::*;

use crate::model::frame::SERIES_SECONDS;

/// Height of the drawing, in its own units; it is stretched to its box.
const HEIGHT: f64 = 100.0;

/// The line through `values`, the newest at the right edge, and the area below it.
#[component]
pub fn Sparkline(
    /// One value a second, oldest first; the last [`SERIES_SECONDS`] are drawn.
    #[prop(into)]
    values: Signal<Vec<u64>>,
    /// What it shows, for those who do not see it.
    label: &'static str,
) -> impl IntoView {
    let line = Memo::new(move |_| values.with(|values| line(values)));
    let area = move || {
        let line = line.get();
        if line.is_empty() {
            String::new()
        } else {
            format!("{line}L{0} {HEIGHT}L{1} {HEIGHT}Z", last_x(), start_x(values.with(Vec::len)))
        }
    };
    view! {
        <svg
            class="sparkline"
            viewBox=format!("0 -4 {} {}", last_x(), HEIGHT + 4.0)
            preserveAspectRatio="none"
            role="img"
            aria-label=label
        >
            <path class="sparkline__area" d=area></path>
            <path class="sparkline__line" d=line vector-effect="non-scaling-stroke"></path>
        </svg>
    }
}

fn last_x() -> u32 {
    u32::try_from(SERIES_SECONDS.saturating_sub(1)).unwrap_or(u32::MAX)
}

fn start_x(values: usize) -> u32 {
    u32::try_from(SERIES_SECONDS.saturating_sub(values)).unwrap_or(0)
}

/// Path of the line; empty for fewer than two values.
fn line(values: &[u64]) -> String {
    let values = values.get(values.len().saturating_sub(SERIES_SECONDS)..).unwrap_or(values);
    let Some(peak) = values.iter().copied().max().filter(|_| values.len() > 1) else { return String::new() };
    let mut path = String::with_capacity(values.len() * 8);
    for (x, value) in (start_x(values.len())..).zip(values) {
        let share = f64::from(crate::model::quantity::per_mille(*value, peak)) / 1000.0;
        let command = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a string does not fail.
        let _ = write!(path, "{command}{x} {:.1}", HEIGHT - share * HEIGHT);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_at_the_right_edge() {
        assert_eq!(line(&[0, 10]), "M58 100.0L59 0.0");
        assert!(line(&[1; 200]).starts_with("M0 "));
        assert!(line(&[1; 200]).contains("L59 "));
    }

    #[test]
    fn a_silent_minute_is_a_flat_line_at_the_bottom() {
        assert_eq!(line(&[0, 0, 0]), "M57 100.0L58 100.0L59 100.0");
    }

    #[test]
    fn a_single_value_makes_no_line() {
        assert_eq!(line(&[5]), "");
        assert_eq!(line(&[]), "");
    }
}
