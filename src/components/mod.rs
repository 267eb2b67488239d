//! Reusable views. A component gets data and gives events, and never fetches.

pub mod badge;
pub mod brush;
pub mod charts;
pub mod colour_legend;
pub mod copyable;
pub mod credits;
pub mod dimension_picker;
pub mod exporter_card;
pub mod filter_bar;
pub mod flow_table;
pub mod home_form;
pub mod listener_table;
pub mod metric_switch;
pub mod not_admitted_table;
pub mod notices;
pub mod pause_button;
pub mod rates;
pub mod setup_guide;
pub mod share_bar;
pub mod site_header;
pub mod sparkline;
pub mod theme_toggle;
pub mod time_range;
pub mod top_list;
pub mod totals;
pub mod world_map;
