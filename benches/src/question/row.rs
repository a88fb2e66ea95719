//! What a contender needed.

/// Which of its numbers stands for a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoted {
    /// The 10th percentile: where others on the machine can only add to a cost.
    #[default]
    Low,
    /// The median: where a low number is luck.
    Median,
}

impl Quoted {
    /// How it is called in a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "10 %",
            Self::Median => "median",
        }
    }

    /// How the two others are called.
    #[must_use]
    pub fn spread(self) -> [&'static str; 2] {
        match self {
            Self::Low => ["median", "90 %"],
            Self::Median => ["10 %", "90 %"],
        }
    }
}

/// The number of a contender, with its spread if it was sampled.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The contender.
    pub name: String,
    /// The 10th percentile, the median, and the 90th percentile.
    pub numbers: [f64; 3],
}

impl Row {
    /// Whether there is a spread.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.numbers[2] > self.numbers[0]
    }

    /// The number that is compared.
    #[must_use]
    pub fn quoted(&self, quoted: Quoted) -> f64 {
        self.numbers[quoted as usize]
    }

    /// The two others.
    #[must_use]
    pub fn spread(&self, quoted: Quoted) -> [f64; 2] {
        let [low, median, high] = self.numbers;
        match quoted {
            Quoted::Low => [median, high],
            Quoted::Median => [low, high],
        }
    }
}

/// The cost of one among so many.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The contender.
    pub name: String,
    /// How many there are.
    pub size: f64,
    /// What one of them costs.
    pub cost: f64,
}
