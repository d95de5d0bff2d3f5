//! Choices: all of them in turn, or a seeded walk through them.

/// Where the world's decisions come from.
#[derive(Clone, Debug)]
pub struct Choices {
    path: Vec<(usize, usize)>,
    at: usize,
    fresh: bool,
    seed: Option<u64>,
    crashes_left: usize,
    crashes_max: usize,
}

impl Choices {
    /// Every combination of choices, with at most `crashes_max` crashes in a run.
    #[must_use]
    pub fn exhaustive(crashes_max: usize) -> Self {
        Self { path: Vec::new(), at: 0, fresh: true, seed: None, crashes_left: crashes_max, crashes_max }
    }

    /// One walk, drawn from a seed.
    #[must_use]
    pub fn seeded(seed: u64, crashes_max: usize) -> Self {
        Self { seed: Some(seed.wrapping_mul(2).wrapping_add(1)), ..Self::exhaustive(crashes_max) }
    }

    /// Moves on to the next combination. False when all were taken.
    pub fn advance(&mut self) -> bool {
        self.at = 0;
        self.crashes_left = self.crashes_max;
        if self.fresh {
            self.fresh = false;
            return true;
        }
        while let Some((taken, bound)) = self.path.pop() {
            if taken + 1 < bound {
                self.path.push((taken + 1, bound));
                return true;
            }
        }
        false
    }

    /// One of `bound` possibilities, from 0.
    pub fn choose(&mut self, bound: usize) -> usize {
        if let Some(state) = &mut self.seed {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            return (*state >> 11) as usize % bound;
        }
        let taken = match self.path.get(self.at) {
            Some((taken, _)) => *taken,
            None => {
                self.path.push((0, bound));
                0
            }
        };
        self.at += 1;
        taken
    }

    /// Whether the process dies here.
    pub fn crash(&mut self) -> bool {
        if self.crashes_left == 0 {
            return false;
        }
        // Seeded walks would crash at every other step.
        let bound = if self.seed.is_some() { 8 } else { 2 };
        let dies = self.choose(bound) == 1;
        self.crashes_left -= usize::from(dies);
        dies
    }

    /// What was chosen, to write down beside a violation.
    #[must_use]
    pub fn taken(&self) -> Vec<usize> {
        self.path.iter().take(self.at).map(|(taken, _)| *taken).collect()
    }
}
