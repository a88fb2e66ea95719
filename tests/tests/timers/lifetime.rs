//! Where a timer belongs, and how it ends.
