//! Parameter groups: other rates and decays for some parameters, chosen by path and shape.

use std::fmt;

/// What is different for the parameters of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Factor of the learning rate.
    pub lr_scale: f64,
    /// Factor of the weight decay; 0 for none.
    pub decay_scale: f64,
}

impl Default for Group {
    fn default() -> Self {
        Self { lr_scale: 1.0, decay_scale: 1.0 }
    }
}

type Predicate = dyn Fn(&str, &[usize]) -> bool + Send + Sync;

/// Groups in order; a parameter belongs to the first that takes it, or to none and is treated as usual.
///
/// ```
/// use nn::optim::{Group, Groups};
/// let groups = Groups::new()
///     .with(|path, _| path.starts_with("embedding."), Group { lr_scale: 0.1, decay_scale: 0.0 })
///     .with(|_, shape| shape.len() < 2, Group { decay_scale: 0.0, ..Group::default() });
/// assert_eq!(groups.of("embedding.weight", &[11, 5]).lr_scale, 0.1);
/// assert_eq!(groups.of("head.bias", &[11]).decay_scale, 0.0);
/// assert_eq!(groups.of("head.weight", &[11, 5]), Group::default());
/// ```
#[derive(Default)]
pub struct Groups {
    groups: Vec<(Box<Predicate>, Group)>,
}

impl Groups {
    /// No groups: all parameters alike.
    pub fn new() -> Self {
        Self::default()
    }

    /// No weight decay on parameters of one dimension: biases, and gains of norms.
    pub fn no_decay_on_1d() -> Self {
        Self::new().with(|_, shape| shape.len() < 2, Group { decay_scale: 0.0, ..Group::default() })
    }

    /// Adds a group of the parameters whose path and shape `takes` accepts.
    pub fn with(
        mut self,
        takes: impl Fn(&str, &[usize]) -> bool + Send + Sync + 'static,
        group: Group,
    ) -> Self {
        self.groups.push((Box::new(takes), group));
        self
    }

    /// The group of a parameter.
    pub fn of(&self, path: &str, shape: &[usize]) -> Group {
        self.groups
            .iter()
            .find(|(takes, _)| takes(path, shape))
            .map_or_else(Group::default, |(_, group)| *group)
    }
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.groups.iter().map(|(_, group)| group)).finish()
    }
}
