"""What names and places are made of in English, and what only looks like them.

Written down by hand for clinical texts. Lists of expressions are separated by white space; a
dot in one of them stands for a space.
"""

# The commonest of the United States (Social Security Administration), for "I'm Sarah".
GIVEN = """James John Robert Michael William David Richard Joseph Thomas Charles Christopher
Daniel Matthew Anthony Donald Steven Paul Andrew Joshua Kenneth Kevin Brian George Edward Ronald
Timothy Jason Jeffrey Ryan Jacob Gary Eric Nicholas Jonathan Stephen Larry Justin Scott Brandon
Benjamin Samuel Frank Gregory Raymond Alexander Patrick Jack Dennis Jerry Tyler Aaron Henry Jose
Douglas Peter Adam Nathan Zachary Walter Kyle Harold Carl Jeremy Keith Roger Gerald Ethan Arthur
Terry Christian Sean Austin Noah Lawrence Jesse Joe Bryan Billy Jordan Albert Dylan Bruce Mary
Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Nancy Lisa Margaret Betty
Sandra Ashley Dorothy Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca
Laura Sharon Cynthia Kathleen Amy Shirley Angela Helen Anna Brenda Pamela Nicole Ruth Katherine
Samantha Christine Emma Catherine Debra Virginia Rachel Carolyn Janet Maria Heather Diane Julie
Joyce Victoria Kelly Christina Joan Evelyn Lauren Judith Olivia Martha Cheryl Megan Andrea Ann
Alice Jean Doris Jacqueline Kathryn Hannah Julia Gloria Teresa Sara Janice Marie Grace Judy
Theresa Beverly Denise Marilyn Amber Danielle Rose Brittany Diana Abigail Natalie Jane Lori Mark
Kate Tom Bob Bill Jim Mike Steve Dave Dan Sam Ben Alex Chris Matt Tony Nick Sue Liz Jenny Kathy
Peggy Debbie Becky"""
# Capitalised words that follow a title or a label and are no names.
NO_NAMES = """A An And Any Are As At But By Can Could Date Did Do Does For From Good Had Has Have
He Hello Hey Hi His How I If Im In Is It Just Let May Me My Name No None Not Now Of Oh Ok Okay On
One Or Our Patient Per Please Practitioner Right She Should Sir So Sure Thank Thanks That The Then
There They This To Unknown Was We Well Were What When Where Which Who Why Will Would Yeah Yes You
Your Age DOB MRN Sex Male Female History Address Phone Department Clinic Hospital Medicine
Cardiology Neurology Surgery Pediatrics Radiology Oncology Emergency Medical Health Diagnosis
Assessment Plan Notes? Signature Signed Doctor Doctors Nurse Station Care Physician Assistant Mr
Mrs Ms Dr Syndrome Disease Disorder Sign Test Score Scale Criteria Virus Infection First Children"""
# Last names that are words: not looked for where they stand alone.
WORDS = """April August Baker Ball Banks Bell Best Bill Black Brooks Brown Carpenter Case
Christian Church Cook Day Drew Fall Field Fields Foot Friday Frost Good Grace Gray Green Grey Hand
Head Heart Hill Hope House June Lake Law Little Long Love Mark May Monday Moon Page Park Parks
Power Powers Price Rice Rich Rivers Rose Savage Sharp Short Small Snow Spring Star Stone Storm
Strong Summer Sun White Will Winter Wood Woods Young"""
# What makes the name before it one of a thing.
EPONYMS = """[Dd]isease [Ss]yndrome [Ss]ign [Tt]est [Ss]core [Cc]riteria [Ss]cale [Ff]racture
[Ss]urg [Pp]rocedure [Tt]echnique [Mm]aneuver [Rr]eflex [Ss]ection [Vv]irus [Cc]lass"""
RELATIONS = """patient husband wife son daughter mother father brother sister partner friend nurse
roommate caregiver neighbor attorney social.worker pharmacist surgeon therapist cardiologist
oncologist neurologist colleague"""
# Before a colon and a name. "Patient:" and "Nurse:" alone tell who speaks in a dialogue.
LABELS = """(?:Patient|Pt|Client|Guardian|Spouse|Nurse)'?s?.[Nn]ame Name Attending Surgeon
Anesthesiologist Referring Provider (?:Attending|Referring|Primary.Care).(?:Physician|Provider)
(?:Ordering|Consulting).(?:Physician|Provider) Dictated.[Bb]y (?:Electronically.)?[Ss]igned.[Bb]y
Transcribed.[Bb]y Reviewed.[Bb]y Emergency.[Cc]ontact Next.of.[Kk]in Contact(?:.[Pp]erson)? cc CC"""
DEGREES = r"""M\.?D\.? D\.?O\.? R\.?N\.? Ph\.?D\.? N\.?P\.? P\.?A\.?(?:-C)? F\.?A\.?C\.?S\.? MBBS
DDS DPM LPN MSN PharmD"""
# Numbers that are records: after these, "number", "#" or a colon.
RECORDS = """MRN medical.record med.rec record chart account acct admission accession encounter
visit specimen case policy member subscriber insurance patient hospital passport licen[cs]e DEA
NPI"""
STREETS = """Street St Avenue Ave Road Rd Boulevard Blvd Lane Ln Drive Dr Court Ct Circle Terrace
Place Pl Parkway Pkwy Highway Hwy Way Square Sq"""
STATES = """A[KLRZ] C[AOT] D[CE] FL GA HI I[ADLN] K[SY] LA M[ADEINOST] N[CDEHJMVY] O[HKR] PA RI
S[CD] T[NX] UT V[AT] W[AIVY]"""
HOSPITALS = """Hospital Medical.Cent(?:er|re) Health.Cent(?:er|re) Health.System Infirmary Clinic
Nursing.Home Hospice"""
# What a hospital that could be any begins with.
ANYWHERE = r"""The A An This That Our Your My His Her Their In At To From And Or Of General Local
Community Emergency Regional County City State Public Private University(?!.of.[A-Z]) Teaching
Children's Day Field Pain Eye Sleep Surgery Surgical Outpatient Inpatient Primary Care Urgent
Walk-in Specialty Family Health Medical Dental Women's Fertility Memory Heart Cancer Wound
Clinical Admission \w+(?:ology|ics?|ary|iatry|ance|icine|ment).Clinic"""
