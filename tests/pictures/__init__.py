"""Pictures of the dashboards for the README, drawn from the dashboards' own queries."""
