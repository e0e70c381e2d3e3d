//! The promises of the baseline, kept on simulated traffic.
