"""What the table of rewards brings along when a stage imports it."""

import subprocess
import sys


def test_rewards_and_credit_load_no_torch() -> None:
    asked = "import sys, training.rewards, training.scoring, training.kl; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
