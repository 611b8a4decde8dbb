//! Fonts for pictures with other scripts.

use super::super::client::Client::Npm;
use super::{Dataset, dataset, file};

pub(super) const SETS: &[Dataset] = &[dataset(
    "noto-sans-sc",
    "Noto Sans, simplified Chinese, regular",
    "OFL 1.1",
    (Npm, "@embedpdf/fonts-sc", "1.0.0"),
    &[file(
        "fonts/NotoSansHans-Regular.otf",
        8_364_644,
        "7db3c634bbd0301b3082a80ffcac2f422e8ef9ce0730f8b279c3e8f756598f68",
    )],
)];
