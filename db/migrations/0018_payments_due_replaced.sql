-- "payments_with_work" (0017) has taken its place.
DROP INDEX "payments_due";
