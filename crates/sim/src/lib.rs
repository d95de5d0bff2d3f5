//! candor-sim
