//! How far a report is and who got it, in words.

use leptos::prelude::*;

use crate::model::report::{Delivery, ReportEntry, ReportState};
use crate::model::time;

/// Where the PDF of a report is.
pub fn pdf_href(id: &str) -> String {
    format!("/api/v1/reports/{id}/pdf")
}

/// Where its page is.
pub fn page_href(id: &str) -> String {
    format!("/reports/{id}")
}

/// How far a report is.
pub fn state(entry: &ReportEntry) -> impl IntoView + use<> {
    match &entry.state {
        ReportState::Waiting => {
            view! { <span class="report-state report-state--waiting">"Being made …"</span> }.into_any()
        }
        ReportState::Done => {
            let made = entry.made_ms.map(|ms| format!("Made {}", time::date_and_time(ms)));
            view! { <span class="report-state report-state--done">{made.unwrap_or_else(|| "Made".to_owned())}</span> }
                .into_any()
        }
        ReportState::Failed { reason, next_ms } => {
            let next = next_ms.map_or_else(
                || "It is not tried again by itself.".to_owned(),
                |ms| format!("Tried again {}.", time::date_and_time(ms)),
            );
            view! {
                <span class="report-state report-state--failed">"Failed: "{ended(reason)}</span>
                " "
                <span class="report-state__next">{next}</span>
            }
            .into_any()
        }
    }
}

/// A sentence with its full stop.
pub fn ended(sentence: &str) -> String {
    let has_end = sentence.ends_with(['.', '!', '?', '…']);
    if has_end { sentence.to_owned() } else { format!("{sentence}.") }
}

/// To whom a report went, and why it did not.
pub fn deliveries(entry: &ReportEntry) -> impl IntoView + use<> {
    if entry.deliveries.is_empty() {
        return view! { <span class="report-state__next">"To nobody"</span> }.into_any();
    }
    let lines = entry.deliveries.iter().map(|delivery| {
        let (class, words) = told(delivery);
        let to = match delivery.kind.as_str() {
            "webhook" => format!("Webhook {}", delivery.to),
            _ => delivery.to.clone(),
        };
        view! { <li class=class><span class="report-delivery__to">{to}</span>": "{words}</li> }
    });
    view! { <ul class="report-deliveries">{lines.collect_view()}</ul> }.into_any()
}

/// What became of a delivery: its class, and in words.
fn told(delivery: &Delivery) -> (&'static str, String) {
    let tries = match delivery.attempts {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        tries => format!("{tries} times"),
    };
    match (delivery.sent_ms, delivery.next_ms, delivery.attempts) {
        (Some(ms), ..) => ("report-delivery", format!("sent {}", time::date_and_time(ms))),
        (None, Some(_), 0) => ("report-delivery", "about to be sent".to_owned()),
        (None, Some(ms), _) => (
            "report-delivery report-delivery--fault",
            format!("failed {tries}: {}. Tried again {}", delivery.fault, time::date_and_time(ms)),
        ),
        (None, None, 0) if delivery.fault.is_empty() => {
            ("report-delivery", "sent when the report is made".to_owned())
        }
        (None, None, 0) => {
            ("report-delivery report-delivery--fault", format!("not sent: {}", delivery.fault))
        }
        (None, None, _) => (
            "report-delivery report-delivery--fault",
            format!("failed {tries} and given up: {}", delivery.fault),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_tells_its_fault_and_whether_it_is_tried_again() {
        let delivery = Delivery {
            kind: "email".to_owned(),
            to: "noc@example.net".to_owned(),
            sent_ms: None,
            attempts: 3,
            next_ms: Some(1_396_310_400_000),
            fault: "connection refused".to_owned(),
        };
        let words = told(&delivery).1;
        assert_eq!(words, "failed 3 times: connection refused. Tried again 2014-04-01 00:00:00 UTC");
        assert_eq!(
            told(&Delivery { next_ms: None, ..delivery.clone() }).1,
            "failed 3 times and given up: connection refused"
        );
        let sent = Delivery { sent_ms: Some(1_396_310_400_000), next_ms: None, ..delivery };
        assert_eq!(told(&sent).1, "sent 2014-04-01 00:00:00 UTC");
    }
}
