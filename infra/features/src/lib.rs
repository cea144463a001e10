//! Nothing but its manifest, which says why.
