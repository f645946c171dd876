-- db/migrate.ts has built the index of each partition concurrently; PostgreSQL finds and attaches them here.
CREATE INDEX "audit_log_by_actor" ON "audit_log" USING btree ("actor","id");--> statement-breakpoint
CREATE INDEX "audit_log_by_request" ON "audit_log" USING btree ("request_id");
