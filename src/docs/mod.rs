//! How Meridian is built, run, and why it is as it is. Links in these pages are checked when the documentation is.

pub mod architecture {
    #![doc = include_str!("architecture.md")]
}
pub mod operations {
    #![doc = include_str!("operations.md")]
}
pub mod decisions {
    #![doc = include_str!("decisions.md")]
}
pub mod measurements {
    #![doc = include_str!("measurements.md")]
}
pub mod protocols {
    #![doc = include_str!("protocols.md")]
}
pub mod archive_format {
    #![doc = include_str!("archive_format.md")]
}
