"""What every client of AWS shares: how it is made, what its errors mean, secrets and objects."""
