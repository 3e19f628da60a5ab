"""How both sides are looked at: sessions, what is asked in them, and what of it is kept between looks."""
